"""Suggestions for misspelled names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Final

_SEPARATOR: Final = re.compile(r"(?<=\d)[.,' \u00a0\u202f](?=\d{3}(?:\D|$))")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")


def did_you_mean(unknown: str, candidates: Iterable[str]) -> str:
    """Return `; did you mean "X"?` with the most similar candidate, or "" if none is similar."""
    by_lower = {name.lower(): name for name in candidates}
    near = difflib.get_close_matches(unknown.lower(), by_lower, n=1, cutoff=0.6)
    return f'; did you mean "{by_lower[near[0]]}"?' if near else ""


def suggest_number(value: object) -> str:
    """Return `; write 5000000` for a text that people read as a number: with separators, quotes or a typographic minus; else ""."""
    text = _SEPARATOR.sub("", value.strip().replace("−", "-")) if isinstance(value, str) else ""
    if not _NUMBER.fullmatch(text):
        return ""
    return f"; write {text}{' without quotes' if text == value else ''}"
