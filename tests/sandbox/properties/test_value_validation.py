"""Valid and invalid property values and their error codes; hubspot-api.md sections 2 and 4."""

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
DATETIME, DATE = make_definition("datetime"), make_definition("date")
EMAIL = make_definition("string", name="email")


@pytest.mark.parametrize(
    ("definition", "raw", "stored"),
    [
        (NUMBER, "12.50", "12.5"),
        (NUMBER, "12.0", "12"),
        (NUMBER, 7, "7"),
        (NUMBER, " 7 ", "7"),
        (RADIO, "b ", "b"),
        (NUMBER, "-0.25", "-0.25"),
        (NUMBER, "", None),
        (TEXT, " as it is ", " as it is "),
        (RADIO, "b", "b"),
        (CHECKBOX, "a;c", "a;c"),
        (FLAG, True, "true"),
        (FLAG, "FALSE", "false"),
        (DATETIME, "1732000000000", "2024-11-19T07:06:40Z"),
        (DATETIME, "2024-11-19T07:06:40.250Z", "2024-11-19T07:06:40.250Z"),
        (DATE, "2024-11-19", "2024-11-19"),
        (DATE, "1731974400000", "2024-11-19"),
        (EMAIL, "Ana.B@Example.COM", "ana.b@example.com"),
    ],
)
def test_values_are_stored_in_hubspots_format(definition: PropertyDefinition, raw: object, stored: str | None) -> None:
    assert normalize_value(definition, raw) == stored


@pytest.mark.parametrize(
    ("definition", "raw", "code"),
    [
        (NUMBER, "1,000", "INVALID_LONG"),
        (NUMBER, "1.2.3", "INVALID_LONG"),
        (NUMBER, "many", "INVALID_LONG"),
        (RADIO, "B", "INVALID_OPTION"),
        (RADIO, "a;b", "INVALID_OPTION"),
        (CHECKBOX, "a;z", "INVALID_OPTION"),
        (FLAG, "yes", "INVALID_OPTION"),
        (DATETIME, "yesterday", "INVALID_LONG"),
        (DATE, "1731974400001", "INVALID_DATE"),
        (DATE, "soon", "INVALID_DATE"),
        (EMAIL, "ana@", "INVALID_EMAIL"),
        (TEXT, "x" * 65_537, "PROPERTY_VALUE_TOO_LONG"),
    ],
)
def test_invalid_values_are_rejected_with_their_code(definition: PropertyDefinition, raw: object, code: str) -> None:
    with pytest.raises(InvalidPropertyValueError) as raised:
        normalize_value(definition, raw)
    assert raised.value.code == code


def test_a_leading_semicolon_appends() -> None:
    assert normalize_value(CHECKBOX, ";c", current="a;b") == "a;b;c"
    assert normalize_value(CHECKBOX, ";a", current="a;b") == "a;b"


def test_an_invalid_option_error_lists_the_allowed_options() -> None:
    with pytest.raises(InvalidPropertyValueError, match=r'z was not one of the allowed options: \[label: "A"'):
        normalize_value(RADIO, "z")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
def test_normalizing_a_number_keeps_its_value_and_is_idempotent(number: Decimal) -> None:
    stored = normalize_value(NUMBER, str(number))
    assert stored is not None
    assert Decimal(stored) == number
    assert normalize_value(NUMBER, stored) == stored


@given(st.integers(min_value=0, max_value=4_102_444_800_000))
def test_a_datetime_is_equal_from_milliseconds_and_from_iso_text(ms: int) -> None:
    stored = normalize_value(DATETIME, str(ms))
    assert stored is not None
    assert normalize_value(DATETIME, stored) == stored
