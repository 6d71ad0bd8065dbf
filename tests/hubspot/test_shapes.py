from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.hubspot.shapes import Shape, values_of

names = st.lists(st.sampled_from(["email", "class", "get", "_0", "a_b", "Ärger", "hs_object_id"]), min_size=1, unique=True)
values = st.none() | st.text(st.characters(exclude_categories=["Cs"]))


def reply(properties: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"results": [{"id": "7", "updatedAt": "2026-01-02T03:04:05Z", "properties": properties}], **more}).encode()


@given(asked=names, shown=st.dictionaries(st.sampled_from(["email", "class", "get", "_0", "a_b", "else"]), values))
def test_each_value_stands_in_the_place_of_its_name_whatever_a_property_is_called(asked: list[str], shown: dict[str, str | None]) -> None:
    (row,) = Shape(asked).decode(reply(shown)).results
    assert values_of(row) == tuple(map(shown.get, asked))


def test_what_a_record_shows_beside_is_passed_over_and_what_leads_on_is_kept() -> None:
    data = Shape(["email"]).decode(reply({"email": "a@b.c", "createdate": "x"}, total=3, paging={"next": {"after": "9"}}, startedAt="x"))
    assert (data.total, data.paging, data.results[0].archived) == (3, {"next": {"after": "9"}}, False)


@pytest.mark.parametrize(("sent", "meant"), [(5, "5"), (1.5, "1.5"), (True, "true"), (False, "false"), (None, None), ("x", "x")])
def test_a_value_that_is_no_text_for_once_is_taken_for_its_text(sent: object, meant: str | None) -> None:
    shape = Shape(["a", "b"])
    (row,) = shape.decode(reply({"a": sent, "b": "still text"})).results
    assert values_of(row) == values_of(shape.row({"id": "7", "updatedAt": "x", "properties": {"a": sent, "b": "still text"}}))
    assert values_of(row) == (meant, "still text")


@pytest.mark.parametrize("body", [b'{"results": [', b"<html>", b""])
def test_what_is_not_whole_json_can_be_told_from_what_makes_no_sense(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        Shape(["a"]).decode(body)


@pytest.mark.parametrize("data", [{}, [], {"results": [{"id": "7"}]}, {"results": [{"properties": None}]}, {"results": 5}, "x"])
def test_json_that_makes_no_sense_is_a_wrong_value(data: object) -> None:
    with pytest.raises(ValueError, match=r"\S") as caught:
        Shape(["a"]).decode(json.dumps(data).encode())
    assert not isinstance(caught.value, msgspec.DecodeError | json.JSONDecodeError)


def test_a_value_of_several_is_no_text() -> None:
    with pytest.raises(ValueError, match="str"):
        Shape(["a"]).decode(reply({"a": ["x"]}))
