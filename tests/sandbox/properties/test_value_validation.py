"""hubspot-api.md sections 2 and 4: what a property takes, and the codes of what it does not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.sandbox.properties.property_definitions import PropertyDefinition
from sync_worker.sandbox.properties.standard_properties import build_options
from sync_worker.sandbox.properties.value_validation import InvalidPropertyValueError, normalize_value


def make_definition(type_: str, *, name: str = "p", field_type: str = "text", values: str = "") -> PropertyDefinition:
    choices = build_options({value: value.upper() for value in values.split()})
    return PropertyDefinition(name=name, label=name, type=type_, field_type=field_type, group="g", options=choices)


NUMBER, TEXT = make_definition("number"), make_definition("string")
RADIO = make_definition("enumeration", field_type="radio", values="a b c")
CHECKBOX = make_definition("enumeration", field_type="checkbox", values="a b c")
FLAG = make_definition("bool", values="true false")
MOMENT, DAY = make_definition("datetime"), make_definition("date")
EMAIL = make_definition("string", name="email")


@pytest.mark.parametrize(
    ("definition", "raw", "kept"),
    [
        (NUMBER, "12.50", "12.5"),
        (NUMBER, "12.0", "12"),
        (NUMBER, 7, "7"),
        (NUMBER, "-0.25", "-0.25"),
        (NUMBER, "", None),
        (TEXT, " as it is ", " as it is "),
        (RADIO, "b", "b"),
        (CHECKBOX, "a;c", "a;c"),
        (FLAG, True, "true"),
        (FLAG, "FALSE", "false"),
        (MOMENT, "1732000000000", "2024-11-19T07:06:40Z"),
        (MOMENT, "2024-11-19T07:06:40.250Z", "2024-11-19T07:06:40.250Z"),
        (DAY, "2024-11-19", "2024-11-19"),
        (DAY, "1731974400000", "2024-11-19"),
        (EMAIL, "Ana.B@Example.COM", "ana.b@example.com"),
    ],
)
def test_values_are_kept_as_hubspot_keeps_them(definition: PropertyDefinition, raw: object, kept: str | None) -> None:
    assert normalize_value(definition, raw) == kept


@pytest.mark.parametrize(
    ("definition", "raw", "code"),
    [
        (NUMBER, "1,000", "INVALID_LONG"),
        (NUMBER, "1.2.3", "INVALID_LONG"),
        (NUMBER, "many", "INVALID_LONG"),
        (NUMBER, " 7", "LEADING_TRAILING_WHITESPACE"),
        (RADIO, "B", "INVALID_OPTION"),
        (RADIO, "a;b", "INVALID_OPTION"),
        (CHECKBOX, "a;z", "INVALID_OPTION"),
        (FLAG, "yes", "INVALID_OPTION"),
        (MOMENT, "yesterday", "INVALID_LONG"),
        (DAY, "1731974400001", "INVALID_DATE"),
        (DAY, "soon", "INVALID_DATE"),
        (EMAIL, "ana@", "INVALID_EMAIL"),
        (TEXT, "x" * 65_537, "PROPERTY_VALUE_TOO_LONG"),
    ],
)
def test_other_values_are_refused_with_their_code(definition: PropertyDefinition, raw: object, code: str) -> None:
    with pytest.raises(InvalidPropertyValueError) as refused:
        normalize_value(definition, raw)
    assert refused.value.code == code


def test_a_leading_semicolon_appends() -> None:
    assert normalize_value(CHECKBOX, ";c", current="a;b") == "a;b;c"
    assert normalize_value(CHECKBOX, ";a", current="a;b") == "a;b"


def test_a_refused_option_names_the_allowed_ones() -> None:
    with pytest.raises(InvalidPropertyValueError, match=r'z was not one of the allowed options: \[label: "A"'):
        normalize_value(RADIO, "z")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
def test_a_number_keeps_its_value_and_settles(number: Decimal) -> None:
    kept = normalize_value(NUMBER, str(number))
    assert kept is not None
    assert Decimal(kept) == number
    assert normalize_value(NUMBER, kept) == kept


@given(st.integers(min_value=0, max_value=4_102_444_800_000))
def test_a_moment_reads_the_same_from_both_forms(ms: int) -> None:
    kept = normalize_value(MOMENT, str(ms))
    assert kept is not None
    assert normalize_value(MOMENT, kept) == kept
