from __future__ import annotations

import json

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.hubspot.rest.json_body import BodyDecoder, InvalidJson, decode_body

DECODERS = (orjson.loads, msgspec.json.decode)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize(
    ("body", "value"),
    [
        (rb'["a\u0000b"]', ["a\ufffdb"]),
        (rb'["a\\u0000b"]', [r"a\u0000b"]),
        (rb'["a\\\u0000b"]', ["a\\\ufffdb"]),
        (rb'["Ann \ud83d", "\ud83d\ude00"]', ["Ann ?", "\U0001f600"]),
        (b'["caf\xe9"]', ["caf\ufffd"]),
        (b"[NaN, Infinity, -Infinity, 1e400, 1.5]", [None, None, None, None, 1.5]),
    ],
)
def test_one_odd_value_leaves_the_others_readable(decode: BodyDecoder, body: bytes, value: object) -> None:
    assert decode_body(body, decode) == value


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize(
    "body",
    [b"<html>", b'{"a": ', b'"', b"[" * 9_000, b"[" * 9_000 + b"]" * 9_000, b"[" + b"9" * 5_000 + b", NaN]", b"\xff\xfe"],
    ids=["html", "truncated", "open text", "open lists", "deep lists", "digits", "bytes"],
)
def test_a_body_that_is_not_json_is_an_error(decode: BodyDecoder, body: bytes) -> None:
    with pytest.raises(InvalidJson):
        decode_body(body, decode)


@given(json_values)
def test_json_is_decoded_without_the_character_nul(value: object) -> None:
    plain = json.dumps(value, ensure_ascii=False)

    assert decode_body(json.dumps(value).encode(), orjson.loads) == json.loads(plain.replace(r"\u0000", "\ufffd")) or r"\\u0000" in plain
