"""JSON of replies, decoded even if a single value in it is one that strict decoders or databases refuse."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec
import orjson

Json: TypeAlias = Any  # the result of a decoder; `hubspot.api` parses it
BodyDecoder: TypeAlias = Callable[[bytes], Json]

NUL: Final = rb"\u0000"
NUL_PATTERN: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")  # after an odd number of backslashes, it is a text about an escape
REPLACEMENT: Final = rb"\1\\ufffd"
STRICT_ERRORS: Final = (orjson.JSONDecodeError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class InvalidJson(Exception):
    """The body is not JSON, or incomplete."""


def decode_body(body: bytes, decode: BodyDecoder) -> Json:
    """Decode a body.

    PostgreSQL refuses a text with the character NUL, so it is replaced. One half of an emoji, as a truncated text has it, an invalid byte
    or a NaN would make the whole page unreadable, so a body with such a value is repaired.

    Raises:
        InvalidJson: the body is not JSON, or incomplete.
    """
    text = NUL_PATTERN.sub(REPLACEMENT, body) if NUL in body else body
    try:
        return decode(text)
    except STRICT_ERRORS:
        pass
    try:
        return decode(_repair(text))
    except (*STRICT_ERRORS, json.JSONDecodeError):
        raise InvalidJson from None


def _repair(body: bytes) -> bytes:
    """Return the same JSON with U+FFFD or a question mark for invalid characters, and null for numbers that are not finite."""
    try:
        data = json.loads(body.decode(errors="replace"), parse_constant=_discard, parse_float=_parse_float)
        return json.dumps(data, ensure_ascii=False).encode(errors="replace")
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # a number with thousands of digits
        raise InvalidJson from error


def _discard(_constant: str) -> None:
    return None


def _parse_float(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
