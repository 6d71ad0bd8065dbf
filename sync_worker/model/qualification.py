"""Who is an MQL: bands, by score with hysteresis, direct qualifiers, disqualifiers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from sync_worker.model.document import LETTERS, Band
from sync_worker.model.facts import COUNTERS, Facts
from sync_worker.model.machines import QUARANTINE
from sync_worker.model.model import Model, Rule, rule_visible
from sync_worker.model.quantities import to_micro
from sync_worker.model.signals import instant, of_kind
from sync_worker.model.tallying import column
from sync_worker.model.truth import of_contacts, of_events, truth

BY_SCORE: Final = "by_score"
RULE: Final = "rule"


def qualified(frame: pl.DataFrame, events: pl.DataFrame, facts: Facts, model: Model, now: datetime) -> pl.DataFrame:
    """Add to scored and graded contacts: band, by_score, direct, disqualified, mql, and the rules that said so."""
    frame = _with_rules(frame, events, facts, model, now)
    frame = frame.join(_previous(facts), on="contact_id", how="left", maintain_order="left")
    frame = frame.with_columns(
        band=band_of(pl.col("score"), model.bands),
        by_score=_by_score(model),
        direct_by=_first(model.direct),
        disqualified_by=_first(model.disqualifiers),
    )
    frame = frame.with_columns(direct=pl.col("direct_by").is_not_null(), disqualified=pl.col("disqualified_by").is_not_null())
    mql = (pl.col("by_score") | pl.col("direct")) & ~pl.col("disqualified")
    return frame.with_columns(mql=mql, mql_reason=pl.when(mql).then(pl.coalesce("direct_by", pl.lit(BY_SCORE))))


def band_of(score: pl.Expr, bands: tuple[Band, ...]) -> pl.Expr:
    """Return the band of a score in micro-points; below the first bound is the first band."""
    band = pl.lit(bands[0].name)
    for upper in bands[1:]:
        band = pl.when(score >= to_micro(upper.from_)).then(pl.lit(upper.name)).otherwise(band)
    return band


def _previous(facts: Facts) -> pl.DataFrame:
    return facts.previous.group_by("contact_id").agg(pl.col("by_score").any().alias("was_by_score"))


def _by_score(model: Model) -> pl.Expr:
    """Enter at the threshold, leave below a lower bound: nobody flaps."""
    rules = model.document.qualification
    stays = pl.col("was_by_score").fill_null(value=False) & (pl.col("score") >= model.leave_below)
    return ((pl.col("score") >= to_micro(rules.threshold)) | stays) & _fits(model)


def _fits(model: Model) -> pl.Expr:
    rules = model.document.qualification
    lowest = 0 if rules.grade_at_least is None else LETTERS.index(rules.grade_at_least)
    good = pl.col("grade_rank") >= lowest
    if rules.known_at_least is None:
        return good
    complete = pl.col("grade_known") >= rules.known_at_least
    return complete & good if rules.incomplete_grade == "hold" else ~complete | good


def _first(rules: Mapping[str, Rule]) -> pl.Expr:
    held = [pl.when(pl.col(column(RULE, key))).then(pl.lit(key)) for key in rules]
    return pl.coalesce(*held, pl.lit(None, dtype=pl.String))


def _with_rules(frame: pl.DataFrame, events: pl.DataFrame, facts: Facts, model: Model, now: datetime) -> pl.DataFrame:
    """Add whether each rule holds; one that cannot be seen holds for nobody."""
    for key, rule in (*model.direct.items(), *model.disqualifiers.items()):
        name = column(RULE, key)
        if not rule_visible(rule, facts.hidden):
            frame = frame.with_columns(pl.lit(False).alias(name))
        elif rule.when:
            frame = frame.with_columns(truth(rule.when, of_contacts(model.property, now)).fill_null(value=False).alias(name))
        elif rule.event in facts.hidden:
            frame = frame.with_columns(_counted(rule.event, _valid(rule), now).alias(name))
        else:
            did = _doers(events, rule, model, now)
            frame = frame.with_columns(pl.col("contact_id").is_in(did).alias(name))
    return frame


def _valid(rule: Rule) -> timedelta | None:
    return getattr(rule, "valid_for", None) or getattr(rule, "within", None)


def _doers(events: pl.DataFrame, rule: Rule, model: Model, now: datetime) -> pl.Series:
    """Return the contacts with an event that a rule asks for, machine clicks left out."""
    wanted = of_kind(rule.event or "", model.document.signals) & pl.col(QUARANTINE).is_null()
    if rule.where:
        wanted = wanted & truth(rule.where, of_events(now)).fill_null(value=False)
    if valid := _valid(rule):
        wanted = wanted & (pl.col("at") >= instant(now - valid))
    return events.filter(wanted)["contact_id"].unique()


def _counted(kind: str, valid: timedelta | None, now: datetime) -> pl.Expr:
    number, last = COUNTERS[kind]
    happened = pl.col(f"{number}|number").fill_null(0) >= 1
    return happened if valid is None else happened & (pl.col(f"{last}|past") >= instant(now - valid)).fill_null(value=False)
