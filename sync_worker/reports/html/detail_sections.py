"""The sections of the report page on criteria, events, fields, and what is not visible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sync_worker.reports.criterion_statistics import CriterionStatistics
from sync_worker.reports.event_statistics import EventStatistics
from sync_worker.reports.field_statistics import FieldStatistics
from sync_worker.reports.html.charts import BarChart, CellChart, Pattern, Series, StackedChart
from sync_worker.reports.html.numbers import format_number, format_share, percent
from sync_worker.reports.html.page import Part, Section, Table
from sync_worker.reports.report_details import ReportDetails

MAX_OVERLAP_CRITERIA: Final = 10  # in the plot and its table: the most frequent ones

#: What each reason of the bot filter means.
QUARANTINE_REASONS: Final[Mapping[str, str]] = {
    "flagged": "HubSpot says it is a bot",
    "after_send": "right after the send",
    "crawler": "a known crawler",
    "many_links": "many links in one second",
}


def build_detail_sections(details: ReportDetails) -> Iterator[Section]:
    """Yield the sections that need the details of a report."""
    if details.criteria:
        yield _build_criteria(details)
    if details.overlaps:
        yield _build_overlaps(details)
    if details.grade_criteria:
        yield _build_grade_criteria(details)
    if details.rules:
        yield _build_rules(details)
    yield _build_trends(details)
    if details.events:
        yield _build_events(details.events)
    if details.fields:
        yield _build_fields(details.fields, details.evaluated)
    yield _build_visibility(details)


def _build_criteria(details: ReportDetails) -> Section:
    criteria, whole = details.criteria, details.evaluated
    shares = [percent(each.contacts, whole) for each in criteria]
    points = [100 * each.points / (whole or 1) for each in criteria]
    often = BarChart(
        title="Contacts that get or lose points, in percent",
        description="The share of contacts that get or lose points by each criterion. Hatched bars are negative points.",
        labels=[each.label for each in criteria],
        series=[
            _split(criteria, shares, [format_share(each.contacts, whole) for each in criteria], positive=sign) for sign in (True, False)
        ],
        exclusive=True,
    )
    much = BarChart(
        title="Points per 100 contacts, before decay",
        description="The points of each criterion per 100 contacts, before decay. Hatched bars are negative points.",
        labels=[each.label for each in criteria],
        series=[_split(criteria, points, [format_number(round(value, 1)) for value in points], positive=sign) for sign in (True, False)],
        exclusive=True,
    )
    return Section(
        name="criteria",
        title="What each criterion gives",
        text="A criterion fires for a contact if the contact gets or loses points by it. Points are before decay.",
        parts=[
            Part(
                chart=often,
                table=Table(
                    caption="How often: contacts, and MQLs among them",
                    columns=("criterion", "contacts", "share", "MQLs"),
                    rows=[
                        (each.label, format_number(each.contacts), _share_or_state(each, whole), format_number(each.mqls))
                        for each in criteria
                    ],
                ),
            ),
            Part(
                chart=much,
                table=Table(
                    caption="How much: points, the events that count, and the contacts at the cap",
                    columns=("criterion", "points", "per contact", "events", "at the cap"),
                    rows=[
                        (
                            each.label,
                            format_number(each.points),
                            format_number(round(each.points / each.contacts, 1)) if each.contacts else "–",
                            format_number(each.events),
                            format_number(each.capped),
                        )
                        for each in criteria
                    ],
                ),
            ),
        ],
    )


def _split(criteria: Sequence[CriterionStatistics], values: Sequence[float], texts: Sequence[str], *, positive: bool) -> Series:
    """Return the bars of the criteria that give points, or of those that take points; the others are empty."""
    shown = [(each.points >= 0) == positive for each in criteria]
    return Series(
        name="gives points" if positive else "takes points",
        values=[value if own else 0.0 for value, own in zip(values, shown, strict=True)],
        texts=[text if own else "" for text, own in zip(texts, shown, strict=True)],
        pattern="plain" if positive else "hatched",
    )


def _share_or_state(criterion: CriterionStatistics, whole: int) -> str:
    if not criterion.visible:
        return "not visible"
    return format_share(criterion.contacts, whole) if criterion.contacts else "never"


def _build_overlaps(details: ReportDetails) -> Section:
    fired = sorted((each for each in details.criteria if each.contacts), key=lambda each: -each.contacts)[:MAX_OVERLAP_CRITERIA]
    both = {frozenset(overlap.keys): overlap.contacts for overlap in details.overlaps}
    values = [
        [None if one is other else percent(both.get(frozenset((one.key, other.key)), 0), one.contacts) for other in fired] for one in fired
    ]
    names = [f"{number}  {each.label}" for number, each in enumerate(fired, 1)]
    chart = CellChart(
        title="Overlap in percent of the contacts of the row",
        description="Of the contacts for which the criterion of the row fires, the percentage for which that of the column fires too.",
        rows=names,
        columns=[str(number) for number in range(1, len(fired) + 1)],
        values=values,
        texts=[["" if value is None else f"{value:.0f}" for value in row] for row in values],
        maximum=100,
    )
    rows = [
        (name, format_number(each.contacts), *("–" if value is None else f"{value:.0f} %" for value in row))
        for name, each, row in zip(names, fired, values, strict=True)
    ]
    return Section(
        name="overlap",
        title="Overlap between criteria",
        text="Each row: of the contacts for which this criterion fires, how many percent also have the criterion of the column. "
        "Two criteria with high numbers in both directions count the same interest twice.",
        parts=[
            Part(
                chart=chart,
                table=Table(caption="Overlap in percent of the row", columns=("criterion", "contacts", *chart.columns), rows=rows),
            )
        ],
    )


def _build_grade_criteria(details: ReportDetails) -> Section:
    criteria, whole = details.grade_criteria, details.evaluated
    results = [(each.matches, each.mismatches, each.unknown) for each in criteria]
    patterns: Mapping[str, Pattern] = {"match": "plain", "no match": "hatched", "unknown": "dotted"}
    series = [
        Series(name=name, values=[percent(row[index], whole) for row in results], pattern=pattern)
        for index, (name, pattern) in enumerate(patterns.items())
    ]
    chart = StackedChart(
        title="Contacts by result, in percent",
        description="The shares of contacts that match, do not match, or whose value is unknown.",
        labels=[each.label for each in criteria],
        series=series,
    )
    rows = [
        (each.label, *(f"{format_number(count)} ({format_share(count, whole)})" for count in row))
        for each, row in zip(criteria, results, strict=True)
    ]
    table = Table(caption="Contacts by result", columns=("criterion", "match", "no match", "unknown"), rows=rows)
    return Section(name="fit", title="What each criterion of the grade decides", parts=[Part(chart=chart, table=table)])


def _build_rules(details: ReportDetails) -> Section:
    kinds = {"direct": "makes an MQL", "disqualifier": "prevents an MQL"}
    rows = [
        (
            rule.label,
            kinds.get(rule.kind, rule.kind),
            format_number(rule.contacts) if rule.visible else "not visible",
            format_share(rule.contacts, details.evaluated),
        )
        for rule in details.rules
    ]
    table = Table(
        caption="Direct qualifiers and disqualifiers", columns=("rule", "effect", "contacts", "share"), rows=rows, text_columns=(0, 1)
    )
    return Section(name="rules", title="Direct qualifiers and disqualifiers", parts=[Part(table=table)])


def _build_trends(details: ReportDetails) -> Section:
    rows = [(trend, format_number(count), format_share(count, details.evaluated)) for trend, count in details.trends.items()]
    chart = BarChart(
        title="Contacts by trend of the score",
        description="; ".join(f"{trend}: {count}" for trend, count, _ in rows),
        labels=list(details.trends),
        series=[Series(name="contacts", values=list(details.trends.values()), texts=[f"{count} ({share})" for _, count, share in rows])],
    )
    table = Table(caption="Contacts by trend", columns=("trend", "contacts", "share"), rows=rows)
    return Section(
        name="trend",
        title="Trend",
        text="The score of each contact, compared with its score before: “trend” in the model file says how long before.",
        parts=[Part(chart=chart, table=table)],
    )


def _build_events(kinds: Sequence[EventStatistics]) -> Section:
    rows = [
        (_name_kind(kind.kind), format_number(kind.events), format_number(kind.quarantined), format_share(kind.quarantined, kind.events))
        for kind in kinds
    ]
    parts = [Part(table=Table(caption="Events by kind", columns=("event", "events", "quarantined", "share"), rows=rows))]
    reasons = [(kind, reason) for kind in kinds for reason in kind.quarantine]
    if reasons:
        labels = [f"{_name_kind(kind.kind)}: {QUARANTINE_REASONS.get(reason.reason, reason.reason)}" for kind, reason in reasons]
        chart = BarChart(
            title="Quarantined events by reason",
            description="; ".join(f"{label}: {reason.events:,}" for label, (_, reason) in zip(labels, reasons, strict=True)),
            labels=[f"{_name_kind(kind.kind)}: {reason.reason.replace('_', ' ')}" for kind, reason in reasons],
            series=[
                Series(
                    name="events",
                    values=[reason.events for _, reason in reasons],
                    texts=[format_number(reason.events) for _, reason in reasons],
                )
            ],
        )
        detail = [
            (label, format_number(reason.events), format_share(reason.events, kind.events), format_number(reason.contacts))
            for label, (kind, reason) in zip(labels, reasons, strict=True)
        ]
        table = Table(caption="Quarantined events by reason", columns=("event and reason", "events", "share", "contacts"), rows=detail)
        parts.append(Part(chart=chart, table=table))
    text = "Events made by bots are quarantined: they count nothing." if reasons else "No event was made by a known bot."
    return Section(name="events", title="Events and bots", text=text, parts=parts)


def _name_kind(kind: str) -> str:
    return kind if kind.startswith("custom:") else kind.replace("_", " ")


def _build_fields(fields: Sequence[FieldStatistics], whole: int) -> Section:
    chart = BarChart(
        title="Contacts that have a value, in percent",
        description="The percentage of contacts that have a value, by property of the model, the rarest first.",
        labels=[field.name for field in fields],
        series=[
            Series(
                name="contacts",
                values=[percent(field.known, whole) for field in fields],
                texts=[format_share(field.known, whole) for field in fields],
            )
        ],
    )
    rows = [(field.name, format_number(field.known), format_share(field.known, whole), *_describe_unreadable(field)) for field in fields]
    table = Table(
        caption="Fill rate, and values that cannot be read",
        columns=("property", "contacts", "fill rate", "unreadable", "expected", "such as in contact"),
        text_columns=(0, 4, 5),
        rows=rows,
    )
    return Section(
        name="fields",
        title="Fields",
        text="The properties that the model uses. A value that cannot be read counts as unknown; “sync-worker explain ID” shows it.",
        parts=[Part(chart=chart, table=table)],
    )


def _describe_unreadable(field: FieldStatistics) -> tuple[str, str, str]:
    if not field.unreadable:
        return "0", "", ""
    expected = " or ".join(each.expected for each in field.unreadable)
    return format_number(field.unreadable_contacts), expected, ", ".join(str(id_) for id_ in field.unreadable[0].ids)


def _build_visibility(details: ReportDetails) -> Section:
    labels = {
        **{each.key: each.label for each in details.criteria},
        **{each.key: each.label for each in details.grade_criteria},
        **{rule.key: rule.label for rule in details.rules},
    }
    points = [f"Not visible: {_name_kind(kind)}" for kind in details.hidden_kinds]
    points += [f"No effect here: {labels.get(key, key)}" for key in details.not_visible]
    points += [f"Could not be read: {item}" for item in details.unreadable_items]
    text = "What the HubSpot subscription or the token does not show. It is not counted as “no activity”: it is unknown."
    return Section(
        name="not-visible",
        title="What is not visible here",
        text=text if points else "This portal shows all that the model uses.",
        points=points,
    )
