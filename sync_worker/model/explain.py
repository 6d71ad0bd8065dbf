"""Everything that can be said about the verdict on one contact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import polars as pl

from sync_worker.model.compiled.facts import Facts
from sync_worker.model.compiled.model import Model, RuleKind, rule_visible
from sync_worker.model.evaluate import Verdicts, evaluate
from sync_worker.model.file.units import from_micro
from sync_worker.model.forecast import Change, changes_ahead
from sync_worker.model.reasons.reasons import label
from sync_worker.model.scoring.bot_filter import QUARANTINE
from sync_worker.model.scoring.context import Standpoint
from sync_worker.model.scoring.counters import column
from sync_worker.model.scoring.decay import grace
from sync_worker.model.scoring.events import KnownEvents, known_events
from sync_worker.model.scoring.grade import MATCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """An event that a criterion looked at; `quarantine` says why it counts nothing."""

    at: datetime
    kind: str
    url: str | None
    form: str | None
    campaign: str | None
    name: str | None
    quarantine: str | None
    inside_window: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLine:
    """A line of the ledger with the events behind it, the newest first."""

    line: str
    label: str
    points: Decimal
    events: int | None = None
    newest: datetime | None = None
    cut: Decimal | None = None
    quarantined: int | None = None
    visible: bool = True
    looked_at: tuple[Counted, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeLine:
    """A criterion of the grade: whether it matches, None for unknown, and the thirds of a letter that this gave."""

    criterion: str
    label: str
    match: bool | None
    thirds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """A direct qualifier or a disqualifier: whether it holds, and whether it can be seen on this portal."""

    rule: str
    label: str
    kind: RuleKind
    holds: bool
    visible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fading:
    """What inactivity did, with its dates."""

    engaged: datetime | None
    grace_ends: datetime | None
    full_periods: int
    earned: Decimal
    loss: Decimal
    decayed: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One contact's verdict with everything that led to it."""

    verdicts: Verdicts
    score: tuple[ScoreLine, ...]
    fading: Fading
    grade: tuple[GradeLine, ...]
    rules: tuple[RuleLine, ...]
    next_change: Change | None
    next_band: Change | None


def explain(facts: Facts, model: Model, now: datetime, contact_id: int) -> Explanation:
    """Explain the verdict on one contact of `facts`.

    Raises:
        KeyError: The contact does not stand in `facts`.
    """
    own = _only(facts, contact_id)
    verdicts = evaluate(own, model, now)
    known = known_events(own.events, verdicts.standpoint, details=True)
    workings = verdicts.workings.row(0, named=True)
    next_change, next_band = changes_ahead(own, verdicts, known)
    return Explanation(
        verdicts=verdicts,
        score=tuple(_score_lines(verdicts, known)),
        fading=_fading(workings, verdicts.standpoint),
        grade=tuple(_grade_lines(workings, model)),
        rules=tuple(_rule_lines(workings, verdicts.standpoint)),
        next_change=next_change,
        next_band=next_band,
    )


def _only(facts: Facts, contact_id: int) -> Facts:
    mine = pl.col("contact_id") == contact_id
    contacts = facts.contacts.filter(mine)
    if contacts.is_empty():
        raise KeyError(contact_id)
    return Facts(contacts=contacts, events=facts.events.filter(mine), previous=facts.previous.filter(mine), hidden=facts.hidden)


def _score_lines(verdicts: Verdicts, known: KnownEvents) -> Iterator[ScoreLine]:
    for row in verdicts.ledger.drop("contact_id").iter_rows(named=True):
        cut = None if row["cut"] is None else from_micro(row["cut"])
        yield ScoreLine(**row | {"points": from_micro(row["points"]), "cut": cut, "looked_at": _looked_at(row["line"], known)})


def _looked_at(key: str, known: KnownEvents) -> tuple[Counted, ...]:
    line = next((line for line in known.standpoint.lines if line.key == key), None)
    if line is None or line.event is None or line.event in known.standpoint.hidden:
        return ()
    since = None if line.within is None else known.standpoint.now - line.within
    rows = known.matching(line.event, line.where).sort("at", descending=True).iter_rows(named=True)
    return tuple(
        Counted(
            at=row["at"],
            kind=line.event,
            url=row["url"],
            form=row["form_name"] or row["form_id"],
            campaign=row["campaign"],
            name=row["name"],
            quarantine=row[QUARANTINE],
            inside_window=since is None or row["at"] >= since,
        )
        for row in rows
    )


def _fading(workings: dict[str, object], standpoint: Standpoint) -> Fading:
    engaged = workings["engaged"]
    degradation = standpoint.model.document.score.degradation
    known = engaged if isinstance(engaged, datetime) else None
    return Fading(
        engaged=known,
        grace_ends=None if known is None else known + grace(degradation),
        full_periods=int(str(workings["periods"])),
        earned=_points(workings["earned"]),
        loss=_points(workings["loss"]),
        decayed=_points(workings["decayed"]),
    )


def _points(micro: object) -> Decimal:
    return from_micro(int(str(micro)))


def _grade_lines(workings: dict[str, object], model: Model) -> Iterator[GradeLine]:
    for key, criterion in model.grade_criteria.items():
        match = workings[column(MATCH, key)]
        thirds = 0 if match is None else criterion.thirds if match else criterion.otherwise
        yield GradeLine(criterion=key, label=label(key, criterion.label), match=None if match is None else bool(match), thirds=thirds)


def _rule_lines(workings: dict[str, object], standpoint: Standpoint) -> Iterator[RuleLine]:
    for kind, key, rule in standpoint.model.rules:
        yield RuleLine(
            rule=key,
            label=label(key, rule.label),
            kind=kind,
            holds=bool(workings[column(kind, key)]),
            visible=rule_visible(rule, standpoint.hidden),
        )
