"""The page of `backtest --out`: one file that opens offline, with plots as SVG and a table under each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sync_worker.cli.output.backtest import list_figures
from sync_worker.errors import explain_extra
from sync_worker.insight.backtest import Backtest, DateBacktest, ModelBacktest
from sync_worker.insight.calibration import BandCalibration
from sync_worker.insight.live_verdicts import LiveVerdicts
from sync_worker.model.i18n.phrases import format_minus
from sync_worker.output_file import write_output_file
from sync_worker.reports.html.charts import BarChart, LineChart, Series
from sync_worker.reports.html.numbers import format_number
from sync_worker.reports.html.page import Part, ReportPage, Section, Table, can_plot, render_page


def write_page(result: Backtest, file: Path, *, with_plots: bool | None = None) -> None:
    """Write the page. Without the extra `report`, or `with_plots` false, it has the tables and no plots.

    Raises ConfigurationError if the file cannot be written.
    """
    plots = can_plot() if with_plots is None else with_plots
    missing = [] if plots else [f"The tables have all numbers; the plots need more libraries. {explain_extra('report')}"]
    page = ReportPage(
        title="Backtest",
        facts=[("Opportunities within", f"{result.horizon.days} days"), ("Intervals", "95 %")],
        figures=[
            (f"AUC of {model.model}", f"{auc.value:.3f}", f"[{auc.low:.3f}, {auc.high:.3f}]; chance: 0.5")
            for date in result.dates[-1:]
            for model in date.models
            for auc in [model.score.auc]
        ],
        sections=[*map(_build_date, result.dates), *([_build_live(result.live)] if result.live else [])],
        notes=[*result.warnings, *missing],
    )
    write_output_file(file, render_page(page, with_plots=plots), is_private=False)  # it has figures, and no people


def _build_date(date: DateBacktest) -> Section:
    models = [build(model) for model in date.models for build in (_build_bands, _build_criteria)]
    frozen = [f"Without a history, with their latest values: {', '.join(date.frozen)}."] if date.frozen else []
    return Section(
        name=f"as-of-{date.at:%Y-%m-%dT%H-%M}",
        title=f"As of {date.at:%Y-%m-%d}",
        text=f"{format_number(date.contacts)} contacts; {date.rate.format_percent(1)} became opportunities: the base rate.",
        points=[*(difference.verdict for difference in date.differences), *frozen],
        parts=[_build_figures(date), _build_gains(date), *models],
    )


def _build_figures(date: DateBacktest) -> Part:
    columns = ("figure", *(model.model for model in date.models))
    return Part(table=Table(caption="Figures of each model", columns=columns, rows=[(name, *cells) for name, cells in list_figures(date)]))


def _build_gains(date: DateBacktest) -> Part:
    shares = [f"{tenth * 10} %" for tenth in range(1, 11)]
    chart = LineChart(
        title="Gains: share of all opportunities among the contacts with the highest scores",
        description="A line for each model; a score by chance is the thin diagonal. The table has the numbers.",
        x_label="contacts, the highest scores first, in percent",
        series=[Series(name=model.model, values=[0.0, *(100 * gain.value for gain in model.gains)]) for model in date.models],
    )
    rows = [(share, *(model.gains[row].format_percent(1) for model in date.models)) for row, share in enumerate(shares)]
    columns = ("highest scores", *(model.model for model in date.models))
    return Part(chart=chart, table=Table(caption="Share of all opportunities", columns=columns, rows=rows))


def _build_bands(model: ModelBacktest) -> Part:
    is_expected = any(band.expected is not None for band in model.calibration)
    columns = ["band", "contacts", "became opportunities", *(["on an earlier date"] if is_expected else [])]
    rows = [
        [
            band.band,
            format_number(band.contacts),
            band.observed.format_percent(1),
            *([_format_expected(band)] if is_expected else []),
        ]
        for band in model.calibration
    ]
    filled = [band for band in model.calibration if band.contacts]
    chart = _draw_bands(model.model, filled) if filled else None
    return Part(chart=chart, table=Table(caption=f"{model.model}: opportunities by band", columns=columns, rows=rows))


def _build_criteria(model: ModelBacktest) -> Part:
    columns = ("criterion", "points at most", "contacts", "became opportunities", "lift")
    rows = [
        (
            each.label,
            format_minus(each.points),
            format_number(each.contacts),
            each.rate.format_percent(1),
            "–" if each.lift is None else f"× {each.lift:.2f}",
        )
        for each in model.criteria
    ]
    return Part(table=Table(caption=f"{model.model}: criteria", columns=columns, rows=rows, stacked=True))


def _format_expected(band: BandCalibration) -> str:
    return "–" if band.expected is None else f"{band.expected:.1%}"


def _draw_bands(name: str, bands: Sequence[BandCalibration]) -> BarChart:
    rates = [band.observed for band in bands]
    return BarChart(
        title=f"{name}: contacts that became opportunities by band, in percent",
        description="; ".join(f"{band.band}: {band.observed.format_percent()}" for band in bands),
        labels=[band.band for band in bands],
        series=[Series(name=name, values=[100 * rate.value for rate in rates], texts=[f"{100 * rate.value:.0f}\u00a0%" for rate in rates])],
        errors=([100 * (rate.value - rate.low) for rate in rates], [100 * (rate.high - rate.value) for rate in rates]),
    )


def _build_live(live: LiveVerdicts) -> Section:
    rows = [(name, format_number(ratio.total), format_number(ratio.count), str(ratio)) for name, ratio in live.ratios.items()]
    columns = ("MQLs of", "contacts", "opportunities", "share")
    table = Table(caption="MQLs that became opportunities", columns=columns, rows=rows)
    return Section(name="live", title="As time went by", text=live.summary, parts=[Part(table=table)])
