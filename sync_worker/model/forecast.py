"""What changes next, and when, if a contact does nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import polars as pl

from sync_worker.model.compiled.facts import Facts
from sync_worker.model.evaluate import Verdicts, evaluate
from sync_worker.model.file.units import milliseconds
from sync_worker.model.scoring.context import Standpoint
from sync_worker.model.scoring.decay import grace, period
from sync_worker.model.scoring.events import KnownEvents

_LOOKS: Final = 12  # instants that are looked at, each an evaluation
_STEP: Final = timedelta(days=7)  # where events fade all the time
_MOMENT: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The verdict at an instant to come."""

    at: datetime
    score: int
    band: str
    mql: bool


def changes_ahead(facts: Facts, verdicts: Verdicts, known: KnownEvents) -> tuple[Change | None, Change | None]:
    """Return when one contact's score changes next, and when its band or its being an MQL does; None: not soon.

    `facts` are those of one contact, whose `verdicts` are known.
    """
    row = verdicts.table.row(0, named=True)
    score: Change | None = None
    for change in _ahead(facts, verdicts, known):
        if score is None and change.score != row["score"]:
            score = change
        if (change.band, change.mql) != (row["band"], row["mql"]):
            return score, change
    return score, None


def _ahead(facts: Facts, verdicts: Verdicts, known: KnownEvents) -> Iterator[Change]:
    row = verdicts.table.row(0, named=True)
    before = pl.DataFrame({"contact_id": [row["contact_id"]], "by_score": [row["by_score"]]})
    # What has happened since the instant that is asked about is known by now, and is something new.
    events = facts.events.filter(pl.col("at") <= verdicts.standpoint.now)
    later = Facts(contacts=facts.contacts, events=events, previous=before, hidden=facts.hidden)
    for at in islice(sorted(_instants(verdicts, known)), _LOOKS):
        found = evaluate(later, verdicts.standpoint.model, at).table.row(0, named=True)
        yield Change(at=at, score=found["score"], band=found["band"], mql=found["mql"])


def _instants(verdicts: Verdicts, known: KnownEvents) -> set[datetime]:
    """Return the instants at which something can change: a period is full, an event leaves a window or loses its standing."""
    standpoint = verdicts.standpoint
    found = set(_endings(known, standpoint))
    kind = standpoint.model.document.score.degradation.kind
    if kind == "inactivity":
        found |= set(_full_periods(verdicts))
    elif kind == "per_event":
        found |= {standpoint.now + _STEP * n for n in range(1, _LOOKS)}
    return {at for at in found if at > standpoint.now}


def _full_periods(verdicts: Verdicts) -> Iterator[datetime]:
    workings = verdicts.workings.row(0, named=True)
    if workings["engaged"] is None:
        return
    degradation = verdicts.standpoint.model.document.score.degradation
    first = workings["engaged"] + grace(degradation)
    passed = max(0, milliseconds(verdicts.standpoint.now - first) // milliseconds(period(degradation)))
    yield from (first + period(degradation) * (passed + n) for n in range(1, _LOOKS))


def _endings(known: KnownEvents, standpoint: Standpoint) -> Iterator[datetime]:
    limited = [(line.event, line.where, line.within) for line in standpoint.lines]
    limited += [(rule.event, rule.where, rule.lasts) for _, _, rule in standpoint.model.rules]
    for event, where, lasts in limited:
        if event is not None and lasts is not None and event not in standpoint.hidden:
            yield from (at + lasts + _MOMENT for at in known.matching(event, where)["at"].to_list())
