"""Ids as they stand in paths and bodies: texts of digits."""

from __future__ import annotations

from typing import Final

NO_ID: Final = 0  # no record, list or task has this id
MAX_ID_DIGITS = 19  # digits


def parse_id(text: object) -> int:
    """Return the id that a text means; NOBODY where it is none."""
    told = str(text)
    return int(told) if told.isascii() and told.isdigit() and len(told) <= MAX_ID_DIGITS else NO_ID
