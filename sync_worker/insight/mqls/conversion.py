"""From MQL to opportunity to customer: ratios by band, grade, criterion, month and way of qualification, and alarms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import polars as pl

from sync_worker.errors import ConfigurationError
from sync_worker.insight.as_of import as_of
from sync_worker.insight.feedback import count_criteria, count_values
from sync_worker.insight.mqls.conversion_alarms import HORIZON, Alarm, Group, find_alarms
from sync_worker.insight.mqls.mql_cohort import build_cohort, grade_value
from sync_worker.insight.outcomes import outcomes_after, sum_revenue
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.insight.ratio import Ratio
from sync_worker.model.compiled.facts import TIMESTAMP
from sync_worker.model.compiled.frames import build_frame
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import evaluate
from sync_worker.model.file.schema import GRADE_LETTERS
from sync_worker.model.i18n.model_labels import display_label
from sync_worker.store.facts.feedback import Feedback

UNGRADED: Final = "no grade"
FEEDBACK: Final = "feedback"
DIMENSIONS: Final = ("band", "grade", "criterion", "qualified", "month")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeReport:
    """What became of MQLs within 90 days. `bands` compares all contacts by their band 90 days ago.

    `days` are quartiles of the time to the opportunity, of the MQLs that became one in this time; `revenue` is that of all MQLs, each deal
    once. Months are those of the model's time zone.
    `named`: the answers of sales reps by criterion that their notes name, and by value; also about contacts that are no MQLs.
    """

    at: datetime
    model: str
    all_mqls: Group
    groups: Mapping[str, tuple[Group, ...]]
    bands: tuple[Group, ...]
    days: tuple[float, float, float] | None
    revenue: float
    earlier: int
    frozen: tuple[str, ...]
    named: Mapping[str, Mapping[str, int]]
    alarms: tuple[Alarm, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Return the report for `--json`."""
        quartiles = None if self.days is None else dict(zip(("p25", "median", "p75"), (round(each, 1) for each in self.days), strict=True))
        return {
            "at": self.at.isoformat(),
            "model": self.model,
            **{name: value for name, value in self.all_mqls.as_json().items() if name not in ("value", "label")},
            "by": {dimension: [group.as_json() for group in groups] for dimension, groups in self.groups.items()},
            "bands_90_days_ago": [group.as_json() for group in self.bands],
            "days_to_opportunity": quartiles,
            "revenue": self.revenue,
            "opportunities_before_mql": self.earlier,
            "frozen": list(self.frozen),
            "criteria_in_notes": {criterion: dict(counts) for criterion, counts in self.named.items()},
            "alarms": [{"kind": alarm.kind, "text": alarm.text} for alarm in self.alarms],
            "notes": list(self.notes),
        }


def build_outcome_report(
    history: PortalHistory,
    model: Model,
    *,
    capacity: int | None = None,
    notes: Sequence[str] = (),
    answers: Sequence[Feedback] = (),
) -> OutcomeReport:
    """Return what became of the MQLs up to `history.outcomes_end`, with the answers of sales reps about them.

    `capacity`: new MQLs that the sales reps can work in a week.

    Raises:
        ConfigurationError: no contact has become an MQL.
    """
    cohort, end = build_cohort(history, model), history.outcomes_end
    values = build_frame([(answer.contact_id, answer.value) for answer in answers], {"contact_id": pl.Int64, FEEDBACK: pl.String})
    month = pl.col("mql_at").dt.convert_time_zone(model.document.time_zone).dt.strftime("%Y-%m")
    table = (
        _limit_outcomes(cohort.table, end)
        .join(values, on="contact_id", how="left", maintain_order="left")
        .with_columns(grade=pl.col("grade").fill_null(UNGRADED), month=month, criterion=pl.col("criteria"))
    )
    groups = {dimension: tuple(_group(table, dimension, model)) for dimension in DIMENSIONS}
    whole = _build_group("all", table)
    bands, frozen_bands = _compare_bands(history, model)
    return OutcomeReport(
        at=end,
        model=model.hash,
        all_mqls=whole,
        groups=groups,
        bands=bands,
        days=_days_to_opportunity(table),
        revenue=sum_revenue(history, cohort.table),
        earlier=cohort.earlier,
        frozen=tuple(sorted({*cohort.frozen, *frozen_bands})),
        named=count_criteria((answer.value, answer.note) for answer in answers),
        alarms=tuple(find_alarms(cohort.table, end, whole=whole, groups=groups, bands=bands, capacity=capacity)),
        notes=(*notes, *_describe_young(whole), *cohort.notes, *history.gaps.describe([model])),
    )


def _limit_outcomes(table: pl.DataFrame, end: datetime) -> pl.DataFrame:
    """Leave out outcomes after the horizon of an MQL, and add `is_over`: whether that has passed.

    Without this, MQLs of last week would count as not converted, and old ones would have had more time than others.
    """
    limit = pl.col("mql_at") + HORIZON
    inside = (pl.when(pl.col(name) <= limit).then(name).alias(name) for name in ("opportunity_at", "customer_at"))
    return table.with_columns(*inside, is_over=limit <= pl.lit(end, dtype=TIMESTAMP))


def _describe_young(whole: Group) -> Iterator[str]:
    if whole.young:
        yield f"MQLs that are younger than {HORIZON.days} days count in no ratio: {whole.young:,}."


def _group(table: pl.DataFrame, dimension: str, model: Model) -> Iterator[Group]:
    """Yield the groups of a dimension: bands and grades from the best, months in order, others by number."""
    rows = table.explode("criterion").drop_nulls("criterion") if dimension == "criterion" else table
    parts = {str(key): part for (key,), part in rows.partition_by(dimension, as_dict=True).items()}
    labels = _label_criteria(model) if dimension == "criterion" else {}
    order = {
        "band": [band.name for band in reversed(model.bands)],
        "grade": [*reversed(GRADE_LETTERS), UNGRADED],
        "month": sorted(parts),
    }.get(dimension) or sorted(parts, key=lambda key: (-parts[key].height, key))
    for key in (*order, *sorted(parts.keys() - {*order})):
        if key in parts:
            yield replace(_build_group(key, parts[key]), label=labels.get(key))


def _label_criteria(model: Model) -> Mapping[str, str]:
    language = model.document.language
    score = {line.key: display_label(line.key, line.label, language) for line in model.score_criteria}
    grade = model.grade_criteria.items()
    return score | {grade_value(key): grade_value(display_label(key, each.label, language)) for key, each in grade}


def _build_group(value: str, rows: pl.DataFrame) -> Group:
    over = rows.filter("is_over")
    opportunities, customers = (Ratio(count=over[name].count(), total=over.height) for name in ("opportunity_at", "customer_at"))
    feedback = count_values(rows[FEEDBACK].drop_nulls()) if FEEDBACK in rows.columns else {}
    return Group(value=value, opportunities=opportunities, customers=customers, feedback=feedback, young=rows.height - over.height)


def _days_to_opportunity(table: pl.DataFrame) -> tuple[float, float, float] | None:
    over = table.filter("is_over")
    seconds = (over["opportunity_at"] - over["mql_at"]).dt.total_seconds().drop_nulls()
    if seconds.is_empty():
        return None
    first, middle, last = (float(seconds.quantile(share, "linear") or 0) / 86_400 for share in (0.25, 0.5, 0.75))
    return first, middle, last


def _compare_bands(history: PortalHistory, model: Model) -> tuple[tuple[Group, ...], list[str]]:
    """Return the outcomes of the last 90 days by band before, and the frozen properties; none if the data does not go back so far."""
    instant = history.outcomes_end - HORIZON
    try:
        outcomes = outcomes_after(history, instant, HORIZON)
    except ConfigurationError:
        return (), []
    known = as_of(history, instant)
    table = evaluate(known.build_facts(), model, instant).table.select("contact_id", "band")
    joined = table.join(outcomes, on="contact_id", how="left").filter(~pl.col("earlier").fill_null(value=False))
    joined = joined.with_columns(is_over=pl.lit(value=True))
    return tuple(_group(joined, "band", model)), known.select_frozen(model)
