"""The sections of the report page on scores: distribution, bands, grades, MQLs, and the change since the report before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sync_worker.reports.earlier_report import EarlierReport
from sync_worker.reports.html.charts import BarChart, CellChart, ColumnChart, Pattern, Series
from sync_worker.reports.html.numbers import (
    format_change,
    format_grade,
    format_number,
    format_range,
    format_share,
    percent,
    shorten_number,
)
from sync_worker.reports.html.page import Part, Section, Table
from sync_worker.reports.score_distribution import HistogramBin, ScoreDistribution
from sync_worker.reports.score_report import ScoreReport

#: The file of a large portal stays small, and no reader needs more names; `--json` has all.
MAX_NAMES: Final = 1_000


def build_score_sections(report: ScoreReport) -> Iterator[Section]:
    """Yield the sections that every report has."""
    distribution = report.distribution
    yield _build_scores(report)
    yield Section(name="bands", title="Bands", parts=[_build_bands(distribution)])
    if distribution.grades:
        yield Section(name="grades", title="Grades", parts=[_build_grades(distribution)])
        yield _build_score_by_grade(distribution)
    yield _build_mqls(report)
    if report.earlier:
        yield _build_movement(report, report.earlier)


def _build_scores(report: ScoreReport) -> Section:
    numbers, bins = report.distribution, report.distribution.histogram
    median = format_number(numbers.median)
    chart = ColumnChart(
        title="Contacts by score",
        description=f"Contacts by score, from {format_number(numbers.minimum)} to {format_number(numbers.maximum)}. "
        f"The median is {median}; MQLs by score begin at {report.threshold:g}.",
        labels=[format_number(bar.low) for bar in bins],
        values=[bar.contacts for bar in bins],
        x_label="score" if bins[0].low == bins[0].high else f"score, from this value ({bins[0].high - bins[0].low + 1} points each)",
        limit=_locate_threshold(report.threshold, bins),
    )
    rows = [(format_range(bar.low, bar.high), format_number(bar.contacts), format_share(bar.contacts, numbers.contacts)) for bar in bins]
    statistics = [("lowest", numbers.minimum), ("mean", _round_mean(numbers)), ("median", numbers.median), ("highest", numbers.maximum)]
    shares = [(f"{share} % of contacts have at most", score) for share, score in numbers.percentiles.items()]
    return Section(
        name="scores",
        title="Scores",
        text=f"The median is {median}: half of the contacts have this score or a lower one. MQLs by score begin at {report.threshold:g}. "
        f"The model gives at most {report.maximum:g} points, and {report.reachable:g} on this portal.",
        parts=[
            Part(chart=chart, table=Table(caption="Contacts by score", columns=("score", "contacts", "share"), rows=rows)),
            Part(
                table=Table(
                    caption="Statistics of the score",
                    columns=("statistic", "score"),
                    rows=[(name, format_number(value)) for name, value in (*statistics, *shares)],
                )
            ),
        ],
    )


def _round_mean(numbers: ScoreDistribution) -> float | None:
    """Return the mean as in JSON, which the report before was read from."""
    return None if numbers.mean is None else round(numbers.mean, 2)


def _locate_threshold(threshold: float, bins: Sequence[HistogramBin]) -> tuple[float, str] | None:
    position = (threshold - bins[0].low) / (bins[0].high - bins[0].low + 1) - 0.5
    return (position, f"MQL from {threshold:g}") if -0.5 <= position <= len(bins) - 0.5 else None


def _build_bands(numbers: ScoreDistribution) -> Part:
    texts = [f"{format_number(count)} ({format_share(count, numbers.contacts)})" for count in numbers.bands.values()]
    return Part(
        chart=BarChart(
            title="Contacts by band",
            description="; ".join(f"{band}: {text}" for band, text in zip(numbers.bands, texts, strict=True)),
            labels=list(numbers.bands),
            series=[Series(name="contacts", values=list(numbers.bands.values()), texts=texts)],
        ),
        table=Table(
            caption="Contacts by band",
            columns=("band", "contacts", "share"),
            rows=[(band, format_number(count), format_share(count, numbers.contacts)) for band, count in numbers.bands.items()],
        ),
    )


def _build_grades(numbers: ScoreDistribution) -> Part:
    grades = {format_grade(grade): count for grade, count in numbers.grades.items()}
    return Part(
        chart=ColumnChart(
            title="Contacts by grade",
            description="; ".join(f"{grade}: {format_number(count)}" for grade, count in grades.items()),
            labels=list(grades),
            values=list(grades.values()),
            x_label="grade",
        ),
        table=Table(
            caption="Contacts by grade",
            columns=("grade", "contacts", "share"),
            rows=[(grade, format_number(count), format_share(count, numbers.contacts)) for grade, count in grades.items()],
        ),
    )


def _build_score_by_grade(numbers: ScoreDistribution) -> Section:
    bins, grades = list(reversed(numbers.histogram)), list(numbers.grades)
    cells = [[bar.grades.get(grade) for grade in grades] for bar in bins]
    chart = CellChart(
        title="Contacts by score and grade",
        description="Each row is a range of scores, the highest first; each column is a grade, the best one last.",
        rows=[format_range(bar.low, bar.high) for bar in bins],
        columns=[format_grade(grade) for grade in grades],
        values=cells,
        texts=[["" if count is None else shorten_number(count) for count in row] for row in cells],
        maximum=max((count for row in cells for count in row if count), default=0),
    )
    rows = [
        (format_range(bar.low, bar.high), *(format_number(bar.grades.get(grade, 0)) for grade in grades), format_number(bar.contacts))
        for bar in bins
    ]
    return Section(
        name="score-by-grade",
        title="Score and grade",
        text="The score is interest, the grade is fit. Sales needs the contacts at the top right.",
        parts=[
            Part(
                chart=chart,
                table=Table(caption="Contacts by score and grade", columns=("score", *map(format_grade, grades), "all"), rows=rows),
            )
        ],
    )


def _build_mqls(report: ScoreReport) -> Section:
    named = report.mqls[:MAX_NAMES]
    more = len(report.mqls) - len(named)
    rows = [
        (
            mql.name.text or str(mql.contact_id),
            format_number(mql.score),
            format_grade(mql.grade),
            mql.reason.replace("_", " ") or "–",
            "\n".join(mql.score_reasons),
        )
        for mql in named
    ]
    text = f"{format_number(report.distribution.mqls)} of {format_number(report.distribution.contacts)} contacts are MQLs."
    if more > 0:
        text += (
            f" The {format_number(len(named))} with the highest scores are listed; “report --json” lists the other {format_number(more)}."
        )
    table = Table(
        caption="MQLs, the highest score first",
        columns=("contact", "score", "grade", "MQL reason", "reasons of the score"),
        rows=rows,
        text_columns=(0, 3, 4),
        stacked=True,
    )
    return Section(name="mqls", title="MQLs", text=text, parts=[Part(table=table)] if rows else [])


def _build_movement(report: ScoreReport, earlier: EarlierReport) -> Section:
    now = report.distribution
    numbers: list[tuple[str, float | None, float | None]] = [
        ("contacts", earlier.contacts, now.contacts),
        ("MQLs", earlier.mqls, now.mqls),
        ("mean score", earlier.mean, _round_mean(now)),
        ("median score", earlier.median, now.median),
        *_pair_counts("band", earlier.bands, now.bands),
        *_pair_counts("grade", earlier.grades, now.grades),
    ]
    rows = [
        (format_grade(name), format_number(before), format_number(after), format_change(round((after or 0) - (before or 0), 2)))
        for name, before, after in numbers
    ]
    bands = list(dict.fromkeys((*now.bands, *earlier.bands)))
    chart = BarChart(
        title="Contacts by band, before and now, in percent",
        description="; ".join(f"{band}: {earlier.bands.get(band, 0):,} before, {now.bands.get(band, 0):,} now" for band in bands),
        labels=bands,
        series=[
            _build_band_shares("before", earlier.bands, earlier.contacts, bands, "hatched"),
            _build_band_shares("now", now.bands, now.contacts, bands, "plain"),
        ],
    )
    model = (
        "" if earlier.model.hash == report.model_hash else f" It was made with another model, {earlier.model.name} ({earlier.model.hash})."
    )
    return Section(
        name="movement",
        title="Since the last report",
        text=f"The last report is {earlier.id} of {earlier.at:%Y-%m-%d %H:%M} UTC.{model}",
        parts=[
            Part(
                chart=chart,
                table=Table(caption="The report before and this one", columns=("number", "before", "now", "change"), rows=rows),
            )
        ],
    )


def _pair_counts(noun: str, before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[tuple[str, int, int]]:
    for name in dict.fromkeys((*after, *before)):
        yield f"{noun} {name}", before.get(name, 0), after.get(name, 0)


def _build_band_shares(name: str, counts: Mapping[str, int], whole: int, bands: Sequence[str], pattern: Pattern) -> Series:
    values = [counts.get(band, 0) for band in bands]
    shares, texts = [percent(value, whole) for value in values], [format_share(value, whole) for value in values]
    return Series(name=name, values=shares, texts=texts, pattern=pattern)
