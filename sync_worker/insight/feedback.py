"""What sales reps say about leads, in numbers: by value, and by the criteria that their notes name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

#: The values of `lead_feedback`, and how reports name them. Users may add options of their own.
VALUES: Final = {"good_lead": "good lead", "too_early": "too early", "bad_fit": "bad fit"}
NO_VALUE: Final = "no value"

#: A note names a criterion of the model as `#pricing_pages`.
_CRITERION: Final = re.compile(r"(?<![\w#&/])#([A-Za-z]\w*)", re.ASCII)


def count_values(values: Iterable[str]) -> dict[str, int]:
    """Return the number of answers by value: ours first, then those of users. Answers without a value are left out."""
    counts = Counter(value for value in values if value)
    return {value: counts[value] for value in (*VALUES, *sorted(counts.keys() - VALUES.keys())) if counts[value]}


def find_criteria(note: str) -> list[str]:
    """Return the criteria that a note names, each once, in order."""
    return list(dict.fromkeys(_CRITERION.findall(note)))


def count_criteria(notes: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Return the number of notes that name a criterion, by criterion and value of the answer. `notes`: (value, note)."""
    counts: dict[str, Counter[str]] = {}
    for value, note in notes:
        for criterion in find_criteria(note):
            counts.setdefault(criterion, Counter())[value or NO_VALUE] += 1
    return {criterion: {**count_values(found.elements())} for criterion, found in sorted(counts.items())}


def format_counts(counts: Mapping[str, int]) -> str:
    """Return counts by value as text: "2 good lead, 1 bad fit"."""
    return ", ".join(f"{number:,} {VALUES.get(value, value)}" for value, number in counts.items())
