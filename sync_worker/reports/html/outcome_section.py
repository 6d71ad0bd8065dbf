"""The section of the report page on outcomes: what became of MQLs, and whether a higher band converts better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sync_worker.insight.mqls.conversion import OutcomeReport
from sync_worker.insight.mqls.conversion_alarms import HORIZON, Group
from sync_worker.insight.ratio import Ratio
from sync_worker.model.file.schema import GRADE_LETTERS
from sync_worker.reports.html.charts import BarChart, Series
from sync_worker.reports.html.numbers import format_grade, format_number
from sync_worker.reports.html.page import Part, Section, Table

#: The dimensions of `outcomes` in the words of the page.
DIMENSIONS: Final[Mapping[str, str]] = {
    "band": "band, when the contact became an MQL",
    "grade": "grade, when the contact became an MQL",
    "criterion": "criterion that gave points or matched",
    "qualified": "way of qualification",
    "month": "month in which the contact became an MQL",
}


def build_outcome_section(outcomes: OutcomeReport) -> Section:
    """Return the section. Every share has its interval, because few outcomes must not look like knowledge."""
    whole = outcomes.all_mqls
    ratio = whole.opportunities
    text = (
        f"{format_number(ratio.count)} of {format_number(ratio.total)} MQLs that are at least {HORIZON.days} days old became opportunities "
        f"in that time, {format_number(whole.customers.count)} became customers. The lines on the bars are 95 % intervals."
    )
    if outcomes.days:
        text += f" The median time to the opportunity is {outcomes.days[1]:.0f} days."
    return Section(
        name="outcomes",
        title="What became of MQLs",
        text=f"{text} As of {outcomes.at:%Y-%m-%d}, when outcomes were last read.",
        points=[*(alarm.text for alarm in outcomes.alarms), *outcomes.notes],
        parts=list(_build_parts(outcomes)),
    )


def _build_parts(outcomes: OutcomeReport) -> Iterator[Part]:
    if outcomes.bands:
        title = f"Contacts that became opportunities, in percent, by their band {HORIZON.days} days ago"
        yield _build_part(title, "band of all contacts", outcomes.bands, noun="contacts")
    for dimension, name in DIMENSIONS.items():
        if groups := outcomes.groups.get(dimension):
            yield _build_part(f"MQLs that became opportunities, in percent, by {name}", name, groups, noun="MQLs")


def _build_part(title: str, name: str, groups: Sequence[Group], *, noun: str) -> Part:
    rows = [
        (_format_name(group), format_number(group.mqls), _format_ratio(group.opportunities), _format_ratio(group.customers))
        for group in groups
    ]
    table = Table(caption=f"By {name}", columns=(name.partition(",")[0], noun, "opportunities", "customers"), rows=rows)
    # A group without a ratio has no bar: its interval from 0 to 100 % would look like a finding.
    known = [group for group in groups if group.opportunities.total]
    return Part(chart=_build_chart(title, known, noun) if known else None, table=table)


def _build_chart(title: str, groups: Sequence[Group], noun: str) -> BarChart:
    ratios = [group.opportunities for group in groups]
    shares = [100 * (ratio.value or 0) for ratio in ratios]
    return BarChart(
        title=title,
        description="; ".join(f"{_format_name(group)}: {_format_ratio(group.opportunities)}" for group in groups),
        labels=[_format_name(group) for group in groups],
        series=[
            Series(
                name=noun,
                values=shares,
                texts=[f"{share:.0f}\u00a0% of {ratio.total:,}" for share, ratio in zip(shares, ratios, strict=True)],
            )
        ],
        errors=(
            [share - 100 * ratio.low for share, ratio in zip(shares, ratios, strict=True)],
            [100 * ratio.high - share for share, ratio in zip(shares, ratios, strict=True)],
        ),
    )


def _format_name(group: Group) -> str:
    return format_grade(group.value) if group.value in GRADE_LETTERS else group.name


def _format_ratio(ratio: Ratio) -> str:
    return f"{format_number(ratio.count)} of {format_number(ratio.total)}: {ratio}"
