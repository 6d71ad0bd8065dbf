"""From MQL to opportunity to customer: ratios by band, grade, criterion, month and way of qualification, and alarms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from sync_worker.errors import ConfigurationError
from sync_worker.insight.as_of import as_of
from sync_worker.insight.feedback import count_criteria, count_values
from sync_worker.insight.mql_cohort import MqlCohort, build_cohort
from sync_worker.insight.outcomes import outcomes_after
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.insight.ratio import Ratio
from sync_worker.model.compiled.frames import build_frame
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import evaluate
from sync_worker.model.file.schema import GRADE_LETTERS
from sync_worker.store.facts.feedback import Feedback

MIN_OUTCOMES: Final = 20
MIN_GROUP: Final = 10  # MQLs with a criterion, before its ratio is an alarm
LEAK_RATIO: Final = 0.8
HORIZON: Final = timedelta(days=90)  # of the comparison of bands
WAIT: Final = timedelta(days=30)  # time that an MQL has had, before it counts in the comparison of periods
WEEKS: Final = 4  # of the comparison with the capacity
UNGRADED: Final = "no grade"
FEEDBACK: Final = "feedback"
DIMENSIONS: Final = ("band", "grade", "criterion", "qualified", "month")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The MQLs with one value of a dimension, what became of them, and the answers of sales reps about them by value."""

    value: str
    opportunities: Ratio
    customers: Ratio
    feedback: Mapping[str, int]

    def as_json(self) -> dict[str, object]:
        """Return the group for `--json`."""
        return {
            "value": self.value,
            "mqls": self.opportunities.total,
            "opportunities": self.opportunities.as_json(),
            "customers": self.customers.as_json(),
            "feedback": dict(self.feedback),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that a review should look at. `kind` is for programs, `text` a sentence."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeReport:
    """What became of MQLs. `bands` compares all contacts by their band 90 days ago; `days` are quartiles of the time to the opportunity.

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
            **{name: value for name, value in self.all_mqls.as_json().items() if name != "value"},
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
    cohort = build_cohort(history, model)
    values = build_frame([(answer.contact_id, answer.value) for answer in answers], {"contact_id": pl.Int64, FEEDBACK: pl.String})
    table = cohort.table.join(values, on="contact_id", how="left", maintain_order="left").with_columns(
        grade=pl.col("grade").fill_null(UNGRADED), month=pl.col("mql_at").dt.strftime("%Y-%m"), criterion=pl.col("criteria")
    )
    groups = {dimension: tuple(_group(table, dimension, model)) for dimension in DIMENSIONS}
    whole = _build_group("all", table)
    bands, frozen_bands = _compare_bands(history, model)
    return OutcomeReport(
        at=history.outcomes_end,
        model=model.hash,
        all_mqls=whole,
        groups=groups,
        bands=bands,
        days=_days_to_opportunity(table),
        revenue=float(table["amount"].sum()),
        earlier=cohort.earlier,
        frozen=tuple(sorted({*cohort.frozen, *frozen_bands})),
        named=count_criteria((answer.value, answer.note) for answer in answers),
        alarms=tuple(_find_alarms(cohort, history.outcomes_end, whole=whole, groups=groups, bands=bands, capacity=capacity)),
        notes=tuple(notes),
    )


def _group(table: pl.DataFrame, dimension: str, model: Model) -> Iterator[Group]:
    """Yield the groups of a dimension: bands and grades from the best, months in order, others by number."""
    rows = table.explode("criterion").drop_nulls("criterion") if dimension == "criterion" else table
    parts = {str(key): part for (key,), part in rows.partition_by(dimension, as_dict=True).items()}
    order = {
        "band": [band.name for band in reversed(model.bands)],
        "grade": [*reversed(GRADE_LETTERS), UNGRADED],
        "month": sorted(parts),
    }.get(dimension) or sorted(parts, key=lambda key: (-parts[key].height, key))
    yield from (_build_group(key, parts[key]) for key in (*order, *sorted(parts.keys() - {*order})) if key in parts)


def _build_group(value: str, rows: pl.DataFrame) -> Group:
    known = (rows[name].len() - rows[name].null_count() for name in ("opportunity_at", "customer_at"))
    opportunities, customers = (Ratio(count=number, total=rows.height) for number in known)
    feedback = count_values(rows[FEEDBACK].drop_nulls()) if FEEDBACK in rows.columns else {}
    return Group(value=value, opportunities=opportunities, customers=customers, feedback=feedback)


def _days_to_opportunity(table: pl.DataFrame) -> tuple[float, float, float] | None:
    seconds = (table["opportunity_at"] - table["mql_at"]).dt.total_seconds().drop_nulls()
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
    return tuple(_group(joined, "band", model)), known.select_frozen(model)


def _find_alarms(
    cohort: MqlCohort,
    now: datetime,
    *,
    whole: Group,
    groups: Mapping[str, Sequence[Group]],
    bands: Sequence[Group],
    capacity: int | None,
) -> Iterator[Alarm]:
    if whole.opportunities.count < MIN_OUTCOMES:
        text = f"Too little data: {whole.opportunities.count} opportunities."
        yield Alarm(kind="too_little_data", text=f"{text} With fewer than {MIN_OUTCOMES}, the ratios of the groups mean nothing.")
    yield from _find_fall(cohort.table, now)
    yield from _find_better_band(bands)
    yield from _find_leaks(groups["criterion"], whole)
    recent = cohort.table.filter(pl.col("mql_at") > now - timedelta(weeks=WEEKS)).height / WEEKS
    if capacity is not None and recent > capacity:
        text = f"More MQLs than sales reps can work: {recent:.1f} a week in the last {WEEKS} weeks, with a capacity of {capacity}."
        yield Alarm(kind="above_capacity", text=f"{text} Raise the threshold, or set `new_per_day`.")


def _find_fall(table: pl.DataFrame, now: datetime) -> Iterator[Alarm]:
    """Compare the later half of the MQLs with the earlier half, by the opportunities within 30 days."""
    settled = table.filter(pl.col("mql_at") <= now - WAIT).sort("mql_at", "contact_id")
    quick = (settled["opportunity_at"] - settled["mql_at"] <= WAIT).fill_null(value=False)
    half = settled.height // 2
    before, after = (Ratio(count=int(part.sum()), total=part.len()) for part in (quick[:half], quick[half:]))
    if half and before.count + after.count >= MIN_OUTCOMES and after.high < before.low:
        text = f"The ratio falls: {before} of the earlier half of MQLs became opportunities within {WAIT.days} days,"
        yield Alarm(kind="ratio_falls", text=f"{text} {after} of the later half.")


def _find_better_band(bands: Sequence[Group]) -> Iterator[Alarm]:
    """Compare the best band with the next one."""
    if len(bands) < 2 or sum(group.opportunities.count for group in bands) < MIN_OUTCOMES:
        return
    best, following = bands[0].opportunities, bands[1].opportunities
    if best.value is not None and following.low > best.value:
        ratios = f"{following}, compared with {best}, within {HORIZON.days} days"
        text = f"The band {bands[1].value} converts better than {bands[0].value}: {ratios}."
        yield Alarm(kind="lower_band_converts_better", text=f"{text} Between them, a higher score does not mean a better lead.")


def _find_leaks(criteria: Sequence[Group], whole: Group) -> Iterator[Alarm]:
    for group in criteria:
        ratio = group.opportunities
        is_special = ratio.total >= MIN_GROUP and ratio.total < whole.opportunities.total
        if is_special and (ratio.value or 0) > LEAK_RATIO:
            text = f"{group.value}: {ratio} became opportunities. Perhaps sales fills in this value afterward; then it predicts nothing."
            yield Alarm(kind="possible_leak", text=text)
