"""The ratios of a group of MQLs, and what a review should look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from sync_worker.insight.leaks import may_leak
from sync_worker.insight.ratio import Ratio

MIN_OUTCOMES: Final = 20
HORIZON: Final = timedelta(days=90)  # the time after which an outcome no longer counts
WAIT: Final = timedelta(days=30)  # time that an MQL has had, before it counts in the comparison of periods
WEEKS: Final = 4  # of the comparison with the capacity


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The MQLs with one value of a dimension, what became of them, and the answers of sales reps about them by value.

    The ratios are outcomes within `HORIZON`, of the MQLs whose horizon is over; `young` is the number of the others. `label` is the value
    in words, if it is a key of the model.
    """

    value: str
    opportunities: Ratio
    customers: Ratio
    feedback: Mapping[str, int]
    young: int = 0
    label: str | None = None

    @property
    def name(self) -> str:
        """The value as people read it."""
        return self.label or self.value

    @property
    def mqls(self) -> int:
        """The number of all MQLs of the group."""
        return self.opportunities.total + self.young

    def as_json(self) -> dict[str, object]:
        """Return the group for `--json`."""
        return {
            "value": self.value,
            "label": self.name,
            "mqls": self.mqls,
            "too_young": self.young,
            "opportunities": self.opportunities.as_json(),
            "customers": self.customers.as_json(),
            "feedback": dict(self.feedback),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that a review should look at. `kind` is for programs, `text` a sentence."""

    kind: str
    text: str


def find_alarms(
    mqls: pl.DataFrame,
    now: datetime,
    *,
    whole: Group,
    groups: Mapping[str, Sequence[Group]],
    bands: Sequence[Group],
    capacity: int | None,
) -> Iterator[Alarm]:
    """Yield the alarms. `mqls` has `contact_id`, `mql_at` and `opportunity_at`; `capacity`: new MQLs that sales can work in a week."""
    if whole.opportunities.count < MIN_OUTCOMES:
        found = f"{whole.opportunities.count} opportunities of the {whole.opportunities.total:,} MQLs that are {HORIZON.days} days old"
        text = f"Too little data: {found}."
        yield Alarm(kind="too_little_data", text=f"{text} With fewer than {MIN_OUTCOMES}, the ratios of the groups mean nothing.")
    yield from _find_fall(mqls, now)
    yield from _find_better_band(bands)
    yield from _find_leaks(groups["criterion"], whole)
    recent = mqls.filter(pl.col("mql_at") > now - timedelta(weeks=WEEKS), pl.col("mql_at") <= now).height / WEEKS
    if capacity is not None and recent > capacity:
        text = f"More MQLs than sales reps can work: {recent:.1f} a week in the last {WEEKS} weeks, with a capacity of {capacity}."
        yield Alarm(kind="above_capacity", text=f"{text} Raise the threshold, or set `new_per_day`.")


def _find_fall(table: pl.DataFrame, now: datetime) -> Iterator[Alarm]:
    """Compare the later half of the MQLs with the earlier half, by the opportunities within 30 days."""
    settled = table.filter(pl.col("mql_at") <= now - WAIT).sort("mql_at", "contact_id")
    quick = (settled["opportunity_at"] - settled["mql_at"] <= WAIT).fill_null(value=False)
    half = settled.height // 2
    before, after = (Ratio(count=int(part.sum()), total=part.len()) for part in (quick[:half], quick[half:]))
    if before.count + after.count >= MIN_OUTCOMES and before.is_clearly_above(after):
        text = f"The ratio falls: {before} of the earlier half of MQLs became opportunities within {WAIT.days} days,"
        yield Alarm(kind="ratio_falls", text=f"{text} {after} of the later half.")


def _find_better_band(bands: Sequence[Group]) -> Iterator[Alarm]:
    """Compare the best band with the next one."""
    if len(bands) < 2 or sum(group.opportunities.count for group in bands) < MIN_OUTCOMES:
        return
    best, following = bands[0].opportunities, bands[1].opportunities
    if following.is_clearly_above(best):
        ratios = f"{following}, compared with {best}, within {HORIZON.days} days"
        text = f"The band {bands[1].value} converts better than {bands[0].value}: {ratios}."
        yield Alarm(kind="lower_band_converts_better", text=f"{text} Between them, a higher score does not mean a better lead.")


def _find_leaks(criteria: Sequence[Group], whole: Group) -> Iterator[Alarm]:
    for group in criteria:
        ratio = group.opportunities
        if may_leak(ratio.count, ratio.total, outcomes=whole.opportunities.count, contacts=whole.opportunities.total):
            text = f"{group.name}: {ratio} became opportunities. Perhaps sales fills in this value afterward; then it predicts nothing."
            yield Alarm(kind="possible_leak", text=text)
