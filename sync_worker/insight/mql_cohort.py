"""The contacts that became MQLs, with the verdict of that time and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import polars as pl

from sync_worker.errors import ConfigurationError
from sync_worker.insight.as_of import as_of
from sync_worker.insight.outcomes import find_outcomes
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import evaluate
from sync_worker.model.scoring.counters import column_name
from sync_worker.model.scoring.grade import MATCH

MQL: Final = "marketingqualifiedlead"
MAX_INSTANTS: Final = 100  # evaluations as of the minute; with more, as of the day
DIRECT: Final = "direct"
BY_SCORE: Final = "by score"
NEITHER: Final = "not by this model"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MqlCohort:
    """MQLs and what became of them.

    `table`: contact_id, mql_at, band, grade, qualified (direct, by score, not by this model), criteria (the keys that gave points or
    matched), opportunity_at, customer_at, amount. `earlier` is the number of contacts that were opportunities before they became MQLs.
    `frozen`: the properties whose later values had to be used.
    """

    table: pl.DataFrame
    earlier: int
    frozen: tuple[str, ...]


def build_cohort(history: PortalHistory, model: Model) -> MqlCohort:
    """Evaluate each MQL as of the time at which it became one, to the minute or, with many MQLs, to the day.

    Raises:
        ConfigurationError: no contact has become an MQL.
    """
    entries = _find_entries(history)
    if entries.is_empty():
        raise ConfigurationError(
            "No contact in the state has become an MQL, so there are no outcomes of MQLs.",
            hint="Run `sync`, `report` and `approve`, so that lifecycle stages become MQL. The other analyses need no MQLs.",
        )
    outcomes = find_outcomes(history)
    joined = entries.join(outcomes, on="contact_id", how="left")
    is_earlier = (pl.col("opportunity_at") < pl.col("mql_at")).fill_null(value=False)
    later = joined.filter(~is_earlier)
    batches = [*_evaluate_entries(history, model, later)]
    frozen = sorted(set[str]().union(*(names for _, names in batches)))
    verdicts = pl.concat([table for table, _ in batches]) if batches else _empty_verdicts()
    table = later.join(verdicts, on="contact_id", how="inner").sort("mql_at", "contact_id")
    return MqlCohort(table=table, earlier=joined.height - later.height, frozen=tuple(frozen))


def _find_entries(history: PortalHistory) -> pl.DataFrame:
    """Return when contacts that exist became MQLs; a contact that was merged since is counted once, as its survivor."""
    here = history.contacts.filter(pl.col("removed_at").is_null()).select("contact_id")
    entered = history.stages.filter(pl.col("stage") == MQL).group_by("contact_id").agg(mql_at=pl.col("at").min())
    return entered.join(here, on="contact_id", how="semi").filter(pl.col("mql_at") <= history.now)


def _evaluate_entries(history: PortalHistory, model: Model, entries: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, list[str]]]:
    minutes = entries.with_columns(period=pl.col("mql_at").dt.truncate("1m"))
    few = minutes["period"].n_unique() <= MAX_INSTANTS
    grouped = minutes if few else entries.with_columns(period=pl.col("mql_at").dt.truncate("1d"))
    for part in grouped.partition_by("period", maintain_order=True):
        instant = part["mql_at"].max()
        if isinstance(instant, datetime):
            yield _evaluate_part(history, model, part.select("contact_id"), instant)


def _evaluate_part(history: PortalHistory, model: Model, ids: pl.DataFrame, instant: datetime) -> tuple[pl.DataFrame, list[str]]:
    own = replace(
        history,
        contacts=history.contacts.join(ids, on="contact_id", how="semi"),
        events=history.events.join(ids, on="contact_id", how="semi"),
        merges=history.merges.clear(),  # an MQL is evaluated with the events of all contacts that it consists of
    )
    known = as_of(own, instant, keep_undated=True)
    verdicts = evaluate(known.build_facts(), model, instant)
    earned = verdicts.ledger.filter(pl.col("line").is_in(_criterion_keys(model)), pl.col("points") > 0)
    by_score = earned.group_by("contact_id").agg(criteria=pl.col("line"))
    matches = [
        pl.when(pl.col(column_name(MATCH, key)).fill_null(value=False)).then(pl.lit(f"grade: {key}")) for key in model.grade_criteria
    ]
    graded = pl.concat_list(matches).list.drop_nulls() if matches else pl.lit([], dtype=pl.List(pl.String))
    grade_criteria = verdicts.intermediate.select("contact_id", graded=graded)
    qualified = pl.when("direct").then(pl.lit(DIRECT)).when("by_score").then(pl.lit(BY_SCORE)).otherwise(pl.lit(NEITHER))
    table = verdicts.table.select("contact_id", "band", "grade", qualified=qualified)
    table = table.join(by_score, on="contact_id", how="left").join(grade_criteria, on="contact_id", how="left")
    none = pl.lit([], dtype=pl.List(pl.String))
    criteria = pl.concat_list(pl.col("criteria").fill_null(none), pl.col("graded").fill_null(none))
    return table.select("contact_id", "band", "grade", "qualified", criteria=criteria), known.select_frozen(model)


def _criterion_keys(model: Model) -> list[str]:
    return [line.key for line in model.score_criteria]


def _empty_verdicts() -> pl.DataFrame:
    text = pl.String
    return pl.DataFrame(schema={"contact_id": pl.Int64, "band": text, "grade": text, "qualified": text, "criteria": pl.List(text)})
