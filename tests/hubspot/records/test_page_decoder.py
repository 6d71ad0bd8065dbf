from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.hubspot.records.page_decoder import RecordDecoder, property_values

names = st.lists(st.sampled_from(["email", "class", "get", "_0", "a_b", "Ärger", "hs_object_id"]), min_size=1, unique=True)
values = st.none() | st.text(st.characters(exclude_categories=["Cs"]))


def response_body(properties: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"results": [{"id": "7", "updatedAt": "2026-01-02T03:04:05Z", "properties": properties}], **more}).encode()


@given(requested=names, shown=st.dictionaries(st.sampled_from(["email", "class", "get", "_0", "a_b", "else"]), values))
def test_each_value_has_the_position_of_its_name_for_any_property_name(requested: list[str], shown: dict[str, str | None]) -> None:
    (row,) = RecordDecoder(requested).decode(response_body(shown)).results
    assert property_values(row.properties) == tuple(map(shown.get, requested))


def test_other_fields_of_a_record_are_skipped_and_paging_is_kept() -> None:
    data = RecordDecoder(["email"]).decode(
        response_body({"email": "a@b.c", "createdate": "x"}, total=3, paging={"next": {"after": "9"}}, startedAt="x")
    )
    assert (data.total, data.paging, data.results[0].archived) == (3, {"next": {"after": "9"}}, False)


@pytest.mark.parametrize(("sent", "meant"), [(5, "5"), (1.5, "1.5"), (True, "true"), (False, "false"), (None, None), ("x", "x")])
def test_a_value_that_is_not_a_text_is_converted(sent: object, meant: str | None) -> None:
    shape = RecordDecoder(["a", "b"])
    (row,) = shape.decode(response_body({"a": sent, "b": "still text"})).results
    alone = shape.convert_record({"id": "7", "updatedAt": "2026-01-02T03:04:05Z", "properties": {"a": sent, "b": "still text"}})
    assert property_values(row.properties) == property_values(alone.properties) == (meant, "still text")


@pytest.mark.parametrize("sent", ["2026-01-02T03:04:05.678Z", "1767323045678", 1767323045678])
def test_both_time_formats_are_decoded(sent: object) -> None:
    data = {"results": [{"id": "7", "updatedAt": sent, "properties": {}}]}
    (row,) = RecordDecoder(["a"]).decode(json.dumps(data).encode()).results
    assert (row.id, row.updated_at) == (7, datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC))


@pytest.mark.parametrize(
    ("wrong", "kept", "reason"),
    [
        ({"id": "x"}, 0, "Expected `int`, got `str` - at `id`"),
        ({"id": 2**53}, 0, f"Expected `int` <= {2**53 - 1} - at `id`"),
        ({"id": 0}, 0, "Expected `int` >= 1 - at `id`"),
        ({"updatedAt": "2026-01-02T03:04:05"}, 1, "a time without a zone"),
        ({"updatedAt": "yesterday"}, 1, "a time that is neither ISO 8601 nor milliseconds"),
        ({"updatedAt": "2200-01-01T00:00:00Z"}, 1, "a time that is not between 1970 and 2200"),
        ({"properties": {"a": ["x"]}}, 1, "Expected `str | null`, got `array` - at `properties.a`"),
    ],
)
def test_an_unreadable_record_has_no_properties_or_is_left_out(wrong: dict[str, object], kept: int, reason: str) -> None:
    good: dict[str, object] = {"id": "7", "updatedAt": "2026-01-02T03:04:05Z", "properties": {"a": "x"}}
    reasons: list[str] = []
    data = RecordDecoder(["a"], reasons.append).decode(json.dumps({"results": [good | {"id": "6"} | wrong, good]}).encode())
    assert [(row.id, row.properties is None) for row in data.results] == [(6, True)] * kept + [(7, False)]
    assert (data.without_id, reasons) == (1 - kept, [reason])


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["null", "true", "5", "5.0", "NULL"]))
def test_a_text_that_looks_like_another_type_stays_a_text(sent: str) -> None:
    (row,) = RecordDecoder(["a"]).decode(response_body({"a": sent})).results
    assert property_values(row.properties) == (sent,)


@pytest.mark.parametrize("body", [b'{"results": [', b"<html>", b""])
def test_truncated_json_is_distinguished_from_invalid_values(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        RecordDecoder(["a"]).decode(body)


@pytest.mark.parametrize("data", [{}, [], {"results": [{"id": "7"}] * 10}, {"results": [], "paging": 5}, {"results": 5}, "x"])
def test_unexpected_json_is_an_invalid_value(data: object) -> None:
    with pytest.raises(ValueError, match=r"\S") as caught:
        RecordDecoder(["a"]).decode(json.dumps(data).encode())
    assert not isinstance(caught.value, msgspec.DecodeError | json.JSONDecodeError)
