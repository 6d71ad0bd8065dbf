"""Suggestions for misspelled names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(unknown: str, candidates: Iterable[str]) -> str:
    """Return `; did you mean "X"?` with the most similar candidate, or "" if none is similar."""
    by_lower = {name.lower(): name for name in candidates}
    near = difflib.get_close_matches(unknown.lower(), by_lower, n=1, cutoff=0.6)
    return f'; did you mean "{by_lower[near[0]]}"?' if near else ""
