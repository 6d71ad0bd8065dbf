"""Parses ids in paths and bodies: strings of digits."""

from __future__ import annotations

from typing import Final

NO_ID: Final = 0  # no record, list or task has this id
MAX_ID_DIGITS = 19


def parse_id(text: object) -> int:
    """Return the id as an integer; NO_ID if the text is not an id."""
    digits = str(text)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= MAX_ID_DIGITS else NO_ID
