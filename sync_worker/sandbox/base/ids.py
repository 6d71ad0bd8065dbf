"""Ids as they stand in paths and bodies: texts of digits."""

from __future__ import annotations

from typing import Final

NOBODY: Final = 0  # no record, list or task has this id
LONGEST = 19  # digits


def id_of(text: object) -> int:
    """Return the id that a text means; NOBODY where it is none."""
    told = str(text)
    return int(told) if told.isascii() and told.isdigit() and len(told) <= LONGEST else NOBODY
