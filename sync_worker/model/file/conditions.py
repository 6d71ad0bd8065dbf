"""Conditions of the model file: operators on properties, combined with all, any, not and first_known.

An operator is declared here as a field of `Test`. Its operands are checked in model/compiled/condition_lint.py (next), which lists the
property types that it applies to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, SerializeAsAny, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from sync_worker.model.file.units import Duration

Scalar = bool | int | float | str
Operand = Scalar | timedelta | tuple[Scalar, ...]
SeniorityLevel = Literal["intern", "employee", "senior", "manager", "director", "vp", "c_level"]
NO_TITLE: Final = "none"


def as_tuple(value: object) -> object:
    """Return one value or a list of values as a tuple."""
    if isinstance(value, (list, tuple)):
        return tuple(value)
    return value if value is None else (value,)


def _one_or_more(kind: Any) -> BeforeValidator:  # noqa: ANN401 -- a type
    """Return the validator of one value or a list of values, with both in the JSON Schema."""
    return BeforeValidator(as_tuple, json_schema_input_type=kind | Annotated[list[kind], Field(min_length=1)])


Scalars = Annotated[tuple[Scalar, ...], _one_or_more(Scalar), Field(min_length=1)]
Seniorities = Annotated[tuple[Literal["none"] | SeniorityLevel, ...], _one_or_more(Literal["none"] | SeniorityLevel), Field(min_length=1)]
Texts = Annotated[tuple[str, ...], _one_or_more(str), Field(min_length=1)]

_SCALAR_SCHEMA: Final[JsonSchemaValue] = {"type": ["boolean", "number", "string"]}


class StrictBaseModel(BaseModel):
    """Base class of the types of the model file: frozen, no unknown keys, no type conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_by_alias=True, validate_by_name=False)


def add_short_forms(schema: JsonSchemaValue, *forms: JsonSchemaValue) -> JsonSchemaValue:
    """Return the JSON Schema of an object that may also be written in one of these short forms."""
    described = {"description": schema["description"]} if "description" in schema else {}
    return {**described, "anyOf": [*forms, schema]}


class Test(StrictBaseModel):
    """The operators on one property; all of them must hold."""

    __test__ = False  # not a pytest class

    is_: Scalar | None = Field(None, alias="is", description="Equal; text is compared without regard to case and accents.")
    is_not: Scalar | None = Field(None, description="Known and not equal.")
    in_: Scalars | None = Field(None, alias="in", description="Equal to one of these.")
    not_in: Scalars | None = Field(None, description="Known and equal to none of these.")
    contains_any: Texts | None = Field(None, description="One of these words or phrases occurs; * matches any letters within a word.")
    matches: Texts | None = Field(
        None, description="One of these patterns matches the whole text (of a URL: its path); * matches any characters."
    )
    regex: str | None = Field(None, description="The regular expression is found somewhere in the text.")
    starts_with: Texts | None = Field(None, description="The text (of a URL: its path) starts with one of these.")
    ends_with: Texts | None = Field(None, description="The text ends with one of these.")
    at_least: int | float | str | None = Field(None, description="A number, or a date such as 2026-01-31.")
    at_most: int | float | str | None = Field(None, description="A number, or a date such as 2026-01-31.")
    between: Annotated[tuple[int | float | str, int | float | str], BeforeValidator(as_tuple)] | None = Field(
        None, description="Between these two bounds, inclusive."
    )
    is_known: Literal[True] | None = Field(None, description="The property has a value.")
    is_unknown: Literal[True] | None = Field(None, description="The property has no value.")
    country_in: Texts | None = Field(None, description="One of these countries, by name in any language or by code.")
    seniority_at_least: SeniorityLevel | None = Field(None, description="A job title of this level or above.")
    seniority_in: Seniorities | None = Field(
        None, description="A job title of one of these levels; none is no job title, or one without information, such as n/a."
    )
    domain_in: Texts | None = Field(None, description="The domain of the email address or website is in one of these lists.")
    within: Duration | None = Field(None, description="A date in the past, at most this long ago.")
    older_than: Duration | None = Field(None, description="A date in the past, more than this long ago.")

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema with the short forms: a value for `is`, a list for `in`."""
        return add_short_forms(handler(core_schema), _SCALAR_SCHEMA, {"type": "array", "items": _SCALAR_SCHEMA, "minItems": 1})

    @model_validator(mode="before")
    @classmethod
    def _expand_short_form(cls, value: object) -> object:
        if isinstance(value, (bool, int, float, str)):
            return {"is": value}
        return {"in": value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _require_operator(self) -> Test:
        if not self.operators:
            raise ValueError(f"expected an operator: {', '.join(OPERATOR_FIELDS)}")
        return self

    @property
    def operators(self) -> dict[str, Operand]:
        """The operands by name of the operator in the file, without unused operators."""
        values = ((name, getattr(self, field)) for name, field in OPERATOR_FIELDS.items())
        return {name: value for name, value in values if value is not None}


def operand_values(operand: Operand) -> tuple[Scalar | timedelta, ...]:
    """Return one operand or several as a tuple."""
    return operand if isinstance(operand, tuple) else (operand,)


def to_hubspot_text(value: object) -> str:
    """Return a value of the model file as HubSpot would write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


OPERATOR_FIELDS: Final[Mapping[str, str]] = {field.alias or name: name for name, field in Test.model_fields.items()}


class Condition(StrictBaseModel):
    """Tests by property, all of which must hold; `all`, `any`, `not` and `first_known` contain further conditions."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, SerializeAsAny[Test]] = Field(init=False)

    all: Annotated[tuple[Condition, ...], _one_or_more(Condition), Field(min_length=1)] | None = Field(
        None, description="All of these conditions hold."
    )
    any: Annotated[tuple[Condition, ...], _one_or_more(Condition), Field(min_length=1)] | None = Field(
        None, description="One of these conditions holds."
    )
    not_: Condition | None = Field(None, alias="not", description="This condition does not hold.")
    first_known: Annotated[tuple[Condition, ...], _one_or_more(Condition), Field(min_length=1)] | None = Field(
        None, description="The first condition whose result is known: the company's country, or else the contact's."
    )

    @model_validator(mode="after")
    def _require_test(self) -> Condition:
        if not (self.tests or self.not_ or self.subconditions):
            raise ValueError("expected a property with operators, such as jobtitle: {contains_any: [buyer]}")
        return self

    @property
    def tests(self) -> dict[str, Test]:
        """The tests by property."""
        return dict(self.__pydantic_extra__ or {})

    @property
    def subconditions(self) -> tuple[tuple[str, int, Condition], ...]:
        """The conditions under all, any and first_known, each with its key and index."""
        groups = {"all": self.all, "any": self.any, "first_known": self.first_known}
        return tuple((name, index, part) for name, group in groups.items() for index, part in enumerate(group or ()))

    def iter_tests(self, *, negated: bool = False) -> Iterator[tuple[str, Test, bool]]:
        """Yield every test with its property, and whether it is under an odd number of `not`."""
        yield from ((subject, test, negated) for subject, test in self.tests.items())
        for _, _, part in self.subconditions:
            yield from part.iter_tests(negated=negated)
        if self.not_:
            yield from self.not_.iter_tests(negated=not negated)
