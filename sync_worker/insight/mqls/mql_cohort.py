"""The contacts that became MQLs, with the verdict of that time and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import polars as pl

from sync_worker.errors import ConfigurationError
from sync_worker.insight.as_of import as_of
from sync_worker.insight.known_then import forget_later_facts
from sync_worker.insight.outcomes import find_outcomes
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import evaluate
from sync_worker.model.scoring.counters import column_name
from sync_worker.model.scoring.grade import MATCH

MQL: Final = "marketingqualifiedlead"
#: One evaluation for each of these periods, the shortest of which there are few enough.
PERIODS: Final = ("1m", "1h", "1d")
MAX_EVALUATIONS: Final = 100
DIRECT: Final = "direct"
BY_SCORE: Final = "by score"
NEITHER: Final = "not by this model"
UNKNOWN: Final = "not known"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MqlCohort:
    """MQLs and what became of them.

    `table`: contact_id, mql_at, band, grade, qualified (direct, by score, not by this model), criteria (the keys that gave points or
    matched), opportunity_at, customer_at. `earlier` is the number of contacts that were opportunities before they became MQLs.
    `frozen`: the properties whose later values had to be used. `notes`: sentences about MQLs that are left out, and about those without a
    verdict: their band, grade and way of qualification are `UNKNOWN`.
    """

    table: pl.DataFrame
    earlier: int
    frozen: tuple[str, ...]
    notes: tuple[str, ...] = ()


def build_cohort(history: PortalHistory, model: Model) -> MqlCohort:
    """Evaluate each MQL with the facts of the time at which it became one, exactly.

    Many MQLs are evaluated together, as of the end of the hour or the day: then points that decay are those of up to a day later.

    Raises:
        ConfigurationError: no contact has become an MQL.
    """
    entries = _find_entries(history)
    if entries.is_empty():
        raise ConfigurationError(
            "No contact in the state has become an MQL, so there are no outcomes of MQLs.",
            hint="Run `sync`, `report` and `approve`, so that lifecycle stages become MQL. The other analyses need no MQLs.",
        )
    joined = entries.join(find_outcomes(history), on="contact_id", how="left")
    is_earlier = (pl.col("opportunity_at") < pl.col("mql_at")).fill_null(value=False)
    later = joined.filter(~is_earlier)
    kept = later if history.complete_since is None else later.filter(pl.col("mql_at") >= history.complete_since)
    batches = [*_evaluate_entries(history, model, kept)]
    frozen = sorted(set[str]().union(*(names for _, names in batches)))
    verdicts = pl.concat([_empty_verdicts(), *(table for table, _ in batches)])
    is_unknown = pl.col("band").is_null()
    names = ("band", "grade", "qualified")
    unknown = (pl.when(is_unknown).then(pl.lit(UNKNOWN)).otherwise(name).alias(name) for name in names)
    table = later.join(verdicts, on="contact_id", how="left").with_columns(*unknown).sort("mql_at", "contact_id")
    return MqlCohort(
        table=table,
        earlier=joined.height - later.height,
        frozen=tuple(frozen),
        notes=tuple(_describe_gaps(deleted=_count_deleted(history), old=later.height - kept.height, younger=kept.height - verdicts.height)),
    )


def _describe_gaps(*, deleted: int, old: int, younger: int) -> Iterator[str]:
    if deleted:
        yield f"MQLs that were deleted since count in no ratio: {deleted:,}."
    reasons = {
        "their events of that time have been deleted (SYNC_WORKER_KEEP_EVENTS_DAYS)": old,
        "their records are younger than their lifecycle stage, by a merge or an import": younger,
    }
    for reason, number in reasons.items():
        if number:
            yield f"MQLs without a band and grade, because {reason}: {number:,}."


def _find_entries(history: PortalHistory) -> pl.DataFrame:
    """Return when contacts that exist became MQLs; a contact that was merged since is counted once, as its survivor."""
    here = history.contacts.filter(pl.col("removed_at").is_null()).select("contact_id")
    return _find_starts(history).join(here, on="contact_id", how="semi")


def _find_starts(history: PortalHistory) -> pl.DataFrame:
    entered = history.stages.filter(pl.col("stage") == MQL).group_by("contact_id").agg(mql_at=pl.col("at").min())
    return entered.filter(pl.col("mql_at") <= history.now)


def _count_deleted(history: PortalHistory) -> int:
    here = history.contacts.filter(pl.col("removed_at").is_null()).select("contact_id")
    gone = _find_starts(history).join(here, on="contact_id", how="anti")
    return gone.join(history.merges, on="contact_id", how="anti").height


def _evaluate_entries(history: PortalHistory, model: Model, entries: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, list[str]]]:
    own = forget_later_facts(history, entries.select("contact_id", instant="mql_at"))
    times = entries.join(own.contacts.select("contact_id"), on="contact_id", how="semi")
    grouped = [times.with_columns(period=pl.col("mql_at").dt.truncate(period)) for period in PERIODS]
    few = (each for each in grouped if each["period"].n_unique() <= MAX_EVALUATIONS)
    for part in next(few, grouped[-1]).partition_by("period", maintain_order=True):
        instant = part["mql_at"].max()
        if isinstance(instant, datetime):
            yield _evaluate_part(own, model, part.select("contact_id"), instant)


def _evaluate_part(history: PortalHistory, model: Model, ids: pl.DataFrame, instant: datetime) -> tuple[pl.DataFrame, list[str]]:
    own = replace(
        history,
        contacts=history.contacts.join(ids, on="contact_id", how="semi"),
        events=history.events.join(ids, on="contact_id", how="semi"),
    )
    known = as_of(own, instant, keep_undated=True)
    verdicts = evaluate(known.build_facts(), model, instant)
    earned = verdicts.ledger.filter(pl.col("line").is_in(_criterion_keys(model)), pl.col("points") > 0)
    by_score = earned.group_by("contact_id").agg(criteria=pl.col("line"))
    matches = [
        pl.when(pl.col(column_name(MATCH, key)).fill_null(value=False)).then(pl.lit(grade_value(key))) for key in model.grade_criteria
    ]
    graded = pl.concat_list(matches).list.drop_nulls() if matches else pl.lit([], dtype=pl.List(pl.String))
    grade_criteria = verdicts.intermediate.select("contact_id", graded=graded)
    qualified = pl.when("direct").then(pl.lit(DIRECT)).when("by_score").then(pl.lit(BY_SCORE)).otherwise(pl.lit(NEITHER))
    table = verdicts.table.select("contact_id", "band", "grade", qualified=qualified)
    table = table.join(by_score, on="contact_id", how="left").join(grade_criteria, on="contact_id", how="left")
    none = pl.lit([], dtype=pl.List(pl.String))
    criteria = pl.concat_list(pl.col("criteria").fill_null(none), pl.col("graded").fill_null(none))
    return table.select("contact_id", "band", "grade", "qualified", criteria=criteria), known.select_frozen(model)


def grade_value(criterion: str) -> str:
    """Return the value of the dimension `criterion` for one of the grade."""
    return f"grade: {criterion}"


def _criterion_keys(model: Model) -> list[str]:
    return [line.key for line in model.score_criteria]


def _empty_verdicts() -> pl.DataFrame:
    text = pl.String
    return pl.DataFrame(schema={"contact_id": pl.Int64, "band": text, "grade": text, "qualified": text, "criteria": pl.List(text)})
