"""Verdicts for JSON output: one object per contact, with the ledger that adds up to the score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from sync_worker.model.evaluate import Verdicts
from sync_worker.model.file.units import to_json_number

VERDICT_COLUMNS = (
    "score",
    "band",
    "grade",
    "grade_known",
    "grade_of",
    "mql",
    "deferred",
    "retained",
    "by_score",
    "direct",
    "disqualified_by",
    "trend",
)


class LedgerLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A line of the ledger. The points of all lines of a contact add up to the score; JSON omits the values that a line does not have."""

    line: str  # key of a criterion, degradation, floor, minimum, rounding
    label: str
    points: int | float
    cut: int | float | None = None  # points that the cap took away
    events: int | None = None  # events that count
    quarantined: int | None = None  # events that do not count, because a machine made them
    newest: str | None = None  # ISO 8601, of the events that count
    visible: bool = True  # false: the portal does not show what the criterion needs

    def as_json(self) -> dict[str, object]:
        """Return the line for `--json`."""
        line: dict[str, object] = msgspec.to_builtins(self)
        return line


class UnreadableValue(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A value that could not be parsed and counted as unknown."""

    property: str
    value: str
    expected: str


class ContactVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one contact, in the fields and the order of the JSON output."""

    id: str
    score: int
    band: str
    grade: str | None  # null if the model has no criteria of the grade
    grade_known: int  # criteria with a known value
    grade_of: int  # all criteria
    mql: bool
    deferred: bool  # qualifies, and waits because of the daily quota of new MQLs
    retained: bool  # below the threshold, an MQL until the score falls below `leave_below`
    by_score: bool
    direct: bool
    disqualified_by: str | None
    trend: str  # rising, steady, falling
    reason: str | None  # a direct qualifier or `by_score`
    ledger: tuple[LedgerLine, ...]
    score_reasons: tuple[str, ...]
    grade_reasons: tuple[str, ...]
    unreadable: tuple[UnreadableValue, ...]

    def as_json(self) -> dict[str, object]:
        """Return the verdict for `--json`."""
        verdict: dict[str, object] = msgspec.to_builtins(self)
        return verdict


def build_contact_verdicts(verdicts: Verdicts) -> Iterator[ContactVerdict]:
    """Yield the verdicts in order of contact id."""
    ledgers: dict[int, list[LedgerLine]] = {}
    for line in verdicts.ledger.iter_rows(named=True):
        ledgers.setdefault(line["contact_id"], []).append(_build_ledger_line(line))
    unreadable: dict[int, list[UnreadableValue]] = {}
    for value in verdicts.unreadable.iter_rows(named=True):
        unreadable.setdefault(value.pop("contact_id"), []).append(UnreadableValue(**value))
    for row in verdicts.table.iter_rows(named=True):
        id_ = row["contact_id"]
        yield ContactVerdict(
            id=str(id_),
            **{name: row[name] for name in VERDICT_COLUMNS},
            reason=row["mql_reason"],
            ledger=tuple(ledgers.get(id_, ())),
            score_reasons=_split_lines(row["score_reasons"]),
            grade_reasons=_split_lines(row["grade_reasons"]),
            unreadable=tuple(unreadable.get(id_, ())),
        )


def _build_ledger_line(row: Mapping[str, Any]) -> LedgerLine:
    return LedgerLine(
        line=row["line"],
        label=row["label"],
        points=to_json_number(row["points"]),
        cut=None if row["cut"] is None else to_json_number(row["cut"]),
        events=row["events"],
        quarantined=row["quarantined"],
        newest=row["newest"].isoformat(timespec="milliseconds") if row["newest"] else None,
        visible=row["visible"],
    )


def _split_lines(text: str | None) -> tuple[str, ...]:
    return tuple((text or "").splitlines())
