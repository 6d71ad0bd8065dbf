"""Who is an MQL: bands, by score with hysteresis, direct qualifiers, disqualifiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from sync_worker.model.compiled.model import Model, RuleKind, rule_visible
from sync_worker.model.file.schema import LETTERS, Band, Rule
from sync_worker.model.file.units import to_micro
from sync_worker.model.scoring.bot_filter import QUARANTINE
from sync_worker.model.scoring.context import Standpoint
from sync_worker.model.scoring.counters import column, counter
from sync_worker.model.scoring.events import KnownEvents, instant
from sync_worker.model.scoring.predicates import truth

BY_SCORE: Final = "by_score"


def qualified(frame: pl.DataFrame, known: KnownEvents, previous: pl.DataFrame, standpoint: Standpoint) -> pl.DataFrame:
    """Add to scored and graded contacts: band, by_score, direct, disqualified, mql, and the rules that said so.

    `previous` says who was an MQL by score before.
    """
    model = standpoint.model
    frame = frame.with_columns(_holds(rule, known, standpoint).alias(column(kind, key)) for kind, key, rule in model.rules)
    before = previous.filter(pl.col("by_score"))["contact_id"].unique()
    frame = frame.with_columns(
        band=band_of(pl.col("score"), model.bands),
        by_score=_by_score(pl.col("contact_id").is_in(before.implode()), model),
        direct_by=_first("direct", model.direct),
        disqualified_by=_first("disqualifier", model.disqualifiers),
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


def _by_score(before: pl.Expr, model: Model) -> pl.Expr:
    """Enter at the threshold, leave below a lower bound: nobody flaps."""
    stays = before & (pl.col("score") >= model.leave_below)
    return ((pl.col("score") >= to_micro(model.document.qualification.threshold)) | stays) & _fits(model)


def _fits(model: Model) -> pl.Expr:
    rules = model.document.qualification
    lowest = 0 if rules.grade_at_least is None else LETTERS.index(rules.grade_at_least)
    good = pl.col("grade_rank") >= lowest
    if rules.known_at_least is None:
        return good
    complete = pl.col("grade_known") >= rules.known_at_least
    return complete & good if rules.incomplete_grade == "hold" else ~complete | good


def _first(kind: RuleKind, rules: Mapping[str, Rule]) -> pl.Expr:
    held = [pl.when(pl.col(column(kind, key))).then(pl.lit(key)) for key in rules]
    return pl.coalesce(*held, pl.lit(None, dtype=pl.String))


def _holds(rule: Rule, known: KnownEvents, standpoint: Standpoint) -> pl.Expr:
    """Whether a rule holds; one that cannot be seen holds for nobody."""
    if rule.when:
        return truth(rule.when, standpoint.contacts_asked).fill_null(value=False)
    if not rule_visible(rule, standpoint.hidden):
        return pl.lit(False)
    since = None if rule.lasts is None else instant(standpoint.now - rule.lasts)
    if rule.event in standpoint.hidden:
        number, last = counter(rule.event)
        happened = pl.col(number.name).fill_null(0) >= 1
        return happened if since is None else happened & (pl.col(last.name) >= since).fill_null(value=False)
    found = known.matching(rule.event or "", rule.where).filter(pl.col(QUARANTINE).is_null())
    standing = found if since is None else found.filter(pl.col("at") >= since)
    return pl.col("contact_id").is_in(standing["contact_id"].unique().implode())
