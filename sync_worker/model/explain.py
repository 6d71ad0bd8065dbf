"""Explanation of the verdict on one contact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import polars as pl

from sync_worker.model.compiled.facts import Facts
from sync_worker.model.compiled.model import Model, RuleKind, is_rule_visible
from sync_worker.model.evaluate import Verdicts, evaluate
from sync_worker.model.file.conditions import Condition
from sync_worker.model.file.units import from_micro
from sync_worker.model.forecast import VerdictChange, next_changes
from sync_worker.model.i18n.model_labels import display_label
from sync_worker.model.lookup.job_titles import NO_INFORMATION, SENIORITY_LEVELS, explain_seniority, title_class
from sync_worker.model.reasons.reasons import format_start
from sync_worker.model.scoring.bot_filter import QUARANTINE
from sync_worker.model.scoring.counters import column_name, time_if_counted
from sync_worker.model.scoring.decay import grace_period
from sync_worker.model.scoring.evaluation_context import EvaluationContext
from sync_worker.model.scoring.events import EventsByKind, prepare_events
from sync_worker.model.scoring.grade import MATCH


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedEvent:
    """An event that matches a criterion, and why it does not count: `quarantine` is the reason of the bot filter, or None."""

    at: datetime
    kind: str
    url: str | None
    form: str | None
    campaign: str | None
    name: str | None
    quarantine: str | None
    inside_window: bool
    above_daily_limit: bool

    @property
    def counts(self) -> bool:
        """Whether the event counts."""
        return self.quarantine is None and self.inside_window and not self.above_daily_limit


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLine:
    """A line of the ledger with its events, the newest first."""

    line: str
    label: str
    points: Decimal
    events: int | None = None
    newest: datetime | None = None
    cut: Decimal | None = None
    quarantined: int | None = None
    visible: bool = True
    looked_at: tuple[CountedEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeLine:
    """A criterion of the grade: its match, None for unknown, and the resulting thirds of a letter.

    `because` shows how the job title was read, if the criterion uses its seniority: `director: 'head'`.
    """

    criterion: str
    label: str
    match: bool | None
    thirds: int
    because: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """A direct qualifier or a disqualifier: whether it holds, and whether the portal shows its data."""

    rule: str
    label: str
    kind: RuleKind
    holds: bool
    visible: bool
    because: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decay:
    """The decay of the score, with its dates. `loss` is what was lost: the floor limits it."""

    last_engagement: datetime | None
    grace_ends: datetime | None
    full_periods: int
    earned: Decimal
    loss: Decimal
    decayed: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictExplanation:
    """The verdict on one contact with everything that led to it."""

    verdicts: Verdicts
    score: tuple[ScoreLine, ...]
    decay: Decay | None  # None if scores of the model do not decay
    grade_start: str
    grade: tuple[GradeLine, ...]
    rules: tuple[RuleLine, ...]
    next_change: VerdictChange | None
    next_band_change: VerdictChange | None


def explain(facts: Facts, model: Model, now: datetime, contact_id: int) -> VerdictExplanation:
    """Explain the verdict on one contact of `facts`.

    Raises:
        KeyError: `facts` does not contain the contact.
    """
    contact_facts = _select_contact(facts, contact_id)
    verdicts = evaluate(contact_facts, model, now)
    events_by_kind = prepare_events(contact_facts.events, verdicts.context, details=True)
    intermediate = verdicts.intermediate.row(0, named=True)
    next_change, next_band = next_changes(contact_facts, verdicts, events_by_kind)
    return VerdictExplanation(
        verdicts=verdicts,
        score=tuple(_score_lines(verdicts, events_by_kind)),
        decay=_explain_decay(intermediate, verdicts.context),
        grade_start=format_start(model),
        grade=tuple(_grade_lines(intermediate, model, contact_facts)),
        rules=tuple(_rule_lines(intermediate, verdicts.context, contact_facts)),
        next_change=next_change,
        next_band_change=next_band,
    )


def _select_contact(facts: Facts, contact_id: int) -> Facts:
    own = pl.col("contact_id") == contact_id
    contacts = facts.contacts.filter(own)
    if contacts.is_empty():
        raise KeyError(contact_id)
    return Facts(contacts=contacts, events=facts.events.filter(own), previous=facts.previous.filter(own), hidden_kinds=facts.hidden_kinds)


def _score_lines(verdicts: Verdicts, events_by_kind: EventsByKind) -> Iterator[ScoreLine]:
    for row in verdicts.ledger.drop("contact_id").iter_rows(named=True):
        cut = None if row["cut"] is None else from_micro(row["cut"])
        yield ScoreLine(**row | {"points": from_micro(row["points"]), "cut": cut, "looked_at": _events_behind(row["line"], events_by_kind)})


def _events_behind(key: str, events_by_kind: EventsByKind) -> tuple[CountedEvent, ...]:
    line = next((line for line in events_by_kind.context.visible_criteria if line.key == key), None)
    if line is None or line.event is None:
        return ()
    context = events_by_kind.context
    since = None if line.within is None else context.now - line.within
    matching = events_by_kind.select_counted(line)
    counted = matching.with_columns(counted=time_if_counted(line, context.now, context).is_not_null())
    rows = counted.sort("at", descending=True, maintain_order=True).iter_rows(named=True)
    return tuple(
        CountedEvent(
            at=row["at"],
            kind=line.event,
            url=row["url"],
            form=row["form_name"] or row["form_id"],
            campaign=row["campaign"],
            name=row["name"],
            quarantine=row[QUARANTINE],
            inside_window=since is None or row["at"] >= since,
            above_daily_limit=not row["counted"] and row[QUARANTINE] is None and (since is None or row["at"] >= since),
        )
        for row in rows
    )


def _explain_decay(intermediate: dict[str, object], context: EvaluationContext) -> Decay | None:
    engaged = intermediate["engaged"]
    degradation = context.model.document.score.degradation
    if degradation.kind == "none":
        return None
    last_engagement = engaged if isinstance(engaged, datetime) else None
    earned, decayed = _to_points(intermediate["earned"]), _to_points(intermediate["decayed"])
    by_inactivity = last_engagement is not None and degradation.kind == "inactivity"
    return Decay(
        last_engagement=last_engagement,
        grace_ends=last_engagement + grace_period(degradation) if last_engagement and by_inactivity else None,
        full_periods=int(str(intermediate["periods"])),
        earned=earned,
        loss=earned - decayed,
        decayed=decayed,
    )


def _to_points(micro: object) -> Decimal:
    return from_micro(int(str(micro)))


def _grade_lines(intermediate: dict[str, object], model: Model, facts: Facts) -> Iterator[GradeLine]:
    for key, criterion in model.grade_criteria.items():
        match = intermediate[column_name(MATCH, key)]
        thirds = criterion.unknown if match is None else criterion.thirds if match else criterion.otherwise
        yield GradeLine(
            criterion=key,
            label=display_label(key, criterion.label, model.document.language),
            match=None if match is None else bool(match),
            thirds=thirds,
            because=_describe_title(criterion.when, facts),
        )


def _describe_title(condition: Condition | None, facts: Facts) -> str | None:
    """Return the level of the job title that a condition uses, and the phrase that decided."""
    tests = condition.iter_tests() if condition else ()
    name = next((name for name, test, _ in tests if test.seniority_at_least or test.seniority_in), None)
    if name is None or name not in facts.contacts.columns:
        return None
    title = facts.contacts[name].item() or ""
    found = explain_seniority(title)
    if found is None:
        return "no information" if title_class(title) == NO_INFORMATION else "a language that is not read"
    level, phrase = found
    return f"{SENIORITY_LEVELS[level].replace('_', '-')}: {f'{phrase!r}' if phrase else 'no word of rank'}"


def _rule_lines(intermediate: dict[str, object], context: EvaluationContext, facts: Facts) -> Iterator[RuleLine]:
    for kind, key, rule in context.model.rules:
        yield RuleLine(
            rule=key,
            label=display_label(key, rule.label, context.model.document.language),
            kind=kind,
            holds=bool(intermediate[column_name(kind, key)]),
            visible=is_rule_visible(rule, context.hidden_kinds),
            because=_describe_title(rule.when, facts),
        )
