from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sync_worker.cli.output.score_report import write_report
from sync_worker.insight.mqls.conversion import OutcomeReport
from sync_worker.insight.mqls.conversion_alarms import Alarm, Group
from sync_worker.insight.ratio import Ratio
from sync_worker.reports.html.charts import BarChart, Series
from sync_worker.reports.html.numbers import format_number, format_share, shorten_number
from sync_worker.reports.html.outcome_section import build_outcome_section
from sync_worker.reports.html.plots import draw
from sync_worker.reports.html.score_page import render_score_page
from sync_worker.reports.html.score_sections import MAX_NAMES
from sync_worker.reports.html.svg import render_svg, use_page_style
from sync_worker.reports.report_findings import find_problems
from sync_worker.reports.score_report import ScoreReport
from sync_worker.sync.plan.contact_names import ContactName
from sync_worker.sync.plan.named_mqls import hide_names
from tests.harness import make_click, small_portal, start_harness

VOID = frozenset({"meta", "br", "img", "link", "hr", "input"})
MARKUP = "</text><script>alert('$x$')</script>"
MODEL = f"""
version: 1
name: "Page <b>&"
score:
  criteria:
    clicks: {{event: email_click, each: 2, at_most: 4}}
    views: {{event: page_view, points: 3}}
    markup: {{label: "{MARKUP}", event: form_submission, points: 10}}
    careers: {{event: page_view, where: {{url: {{matches: "*/careers/*"}}}}, points: -3}}
    never: {{when: {{jobtitle: {{is: astronaut}}}}, points: 5}}
  degradation: {{kind: none}}
  bands: [{{name: cold, from: 0}}, {{name: hot, from: 10}}]
grade:
  criteria:
    size: {{when: {{company.numberofemployees: {{at_least: 50}}}}, thirds: 3, otherwise: -3}}
qualification:
  threshold: 10
  direct: {{demo: {{event: form_submission, where: {{form: {{is: Demo}}}}}}}}
"""


@dataclass
class Document(HTMLParser):
    """The elements of a page; fails if an element is not closed, or closed twice."""

    open: list[str] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def find(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes, _ in self.elements if name == tag]


def parse(html: str) -> Document:
    document = Document()
    document.feed(html)
    document.close()
    assert document.open == []
    return document


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoreReport]:
    portal = small_portal()
    portal.email_events.append(make_click("bot", "p1@example.com", filteredEvent=True))
    with start_harness(tmp_path_factory.mktemp("page"), portal) as harness:
        harness.use_model(MODEL)
        harness.backfill()
        with harness.worker() as worker:
            worker.report()
            yield worker.report(with_details=True)


@pytest.fixture(scope="module")
def html(report: ScoreReport) -> str:
    return render_score_page(report)


@pytest.fixture(scope="module")
def document(html: str) -> Document:
    return parse(html)


def rows_of(html: str, caption: str) -> dict[str, list[str]]:
    """Return the cells of a table by the cell of the first column."""
    body = html.split(f"<caption>{caption}</caption>")[1].split("</table>", maxsplit=1)[0].split("<tbody>")[1]
    rows = [[re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in body.split("</tr>")]
    return {row[0]: row[1:] for row in rows if row}


def test_every_plot_has_a_title_a_description_and_a_table(html: str, document: Document) -> None:
    plots = document.find("svg")
    assert len(plots) >= 10
    ids = {attributes.get("id") for _, attributes, _ in document.elements}
    for plot in plots:
        assert plot["role"] == "img"
        assert ids.issuperset((plot["aria-labelledby"] or "").split())
    for part in html.split('<div class="part')[1:]:
        assert "<svg" not in part or "<table>" in part
    assert all(text.strip() for tag, text in document.texts if tag in ("title", "desc"))


def test_ids_are_unique_and_every_reference_has_its_id(html: str, document: Document) -> None:
    ids = [attributes["id"] for _, attributes, _ in document.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    used = {*re.findall(r"url\(#([^)]+)\)", html), *re.findall(r'href="#([^"]+)"', html)}
    assert used <= set(ids)


def test_the_page_loads_nothing_and_runs_nothing(html: str, document: Document) -> None:
    assert "http" not in html
    assert "@import" not in html
    assert not document.find("script")
    assert not document.find("img")
    assert not document.find("link")


def test_plots_have_the_colors_of_the_page(document: Document) -> None:
    drawn = [attributes["style"] or "" for _, attributes, parents in document.elements if "svg" in parents and "style" in attributes]
    colors = {color for style in drawn for color in re.findall(r"#[0-9a-f]{6}", style)}
    assert not colors
    assert any(
        "url(#" in (attributes.get("style") or "") or "url(#" in (attributes.get("fill") or "") for attributes in document.find("path")
    )


def test_the_numbers_are_those_of_the_json(html: str, report: ScoreReport) -> None:
    json = report.as_json()
    whole, details = json["contacts"], json["details"]
    bands = {band: [format_number(count), format_share(count, whole)] for band, count in json["bands"].items()}
    assert rows_of(html, "Contacts by band") == bands
    assert [row[0] for row in rows_of(html, "Contacts by score").values()] == [format_number(bar["contacts"]) for bar in json["histogram"]]
    often = rows_of(html, "How often: contacts, and MQLs among them")
    assert [row[0] for row in often.values()] == [format_number(line["contacts"]) for line in details["criteria"]]
    much = rows_of(html, "How much: points, the events that count, and the contacts at the cap")
    assert [row[0] for row in much.values()] == [format_number(line["points"]) for line in details["criteria"]]
    fields = rows_of(html, "Fill rate, and values that cannot be read")
    assert {name: row[0] for name, row in fields.items()} == {each["property"]: str(each["known"]) for each in details["fields"]}
    events = rows_of(html, "Events by kind")
    assert {kind: row[0] for kind, row in events.items()} == {
        each["kind"].replace("_", " "): str(each["events"]) for each in details["events"]
    }
    assert whole == details["evaluated"] == sum(bar["contacts"] for bar in json["histogram"])


def test_quarantined_events_are_counted_by_reason(html: str) -> None:
    assert rows_of(html, "Quarantined events by reason")["email click: HubSpot says it is a bot"][0] == "1"


def test_the_points_of_all_criteria_are_the_sum_of_all_scores(report: ScoreReport) -> None:
    numbers, details = report.distribution, report.details
    assert details
    assert numbers.mean is not None
    assert sum(line.points for line in details.criteria) == pytest.approx(numbers.mean * numbers.contacts)
    assert all(line.contacts >= line.mqls for line in details.criteria)
    assert all(each.matches + each.mismatches + each.unknown == numbers.contacts for each in details.grade_criteria)


def test_a_name_with_markup_is_text(document: Document, html: str, report: ScoreReport) -> None:
    named = replace(report, mqls=[replace(report.mqls[0], name=ContactName(company="<img src=x>"))])
    assert not parse(render_score_page(named, with_plots=False)).find("img")
    assert MARKUP not in html
    assert MARKUP in {text for tag, text in document.texts if tag == "th"}
    assert "Page <b>& · " + report.model_hash in {text for tag, text in document.texts if tag == "dd"}


def test_without_names_the_page_has_ids(html: str, report: ScoreReport) -> None:
    assert report.mqls
    assert all(mql.name.text in html for mql in report.mqls)
    hidden = render_score_page(replace(report, mqls=hide_names(report.mqls)), with_plots=False)
    assert "@example.com" not in hidden
    assert str(report.mqls[0].contact_id) in rows_of(hidden, "MQLs, the highest score first")


def test_a_million_contacts_are_a_private_file_of_less_than_five_megabytes(report: ScoreReport, tmp_path: Path) -> None:
    name = ContactName(email=f"{'long.name' * 5}@company.example")
    mql = replace(report.mqls[0], name=name, score_reasons=("+15 for 10 clicks in ten emails" * 3,) * 5)
    large = replace(report, mqls=[mql] * 200_000, distribution=replace(report.distribution, contacts=1_000_000, mqls=200_000))
    file = tmp_path / "report.html"
    write_report(large, file)
    assert file.stat().st_size < 5_000_000
    assert file.stat().st_mode & 0o777 == 0o600
    page = file.read_text()
    assert page.count(name.text) == MAX_NAMES
    assert format_number(200_000 - MAX_NAMES) in page


def test_the_report_before_is_compared(html: str, report: ScoreReport) -> None:
    assert report.earlier
    assert report.earlier.id != report.id
    assert rows_of(html, "The report before and this one")["contacts"] == [str(report.distribution.contacts)] * 2 + ["0"]
    earlier = replace(report, earlier=replace_struct(report.earlier, mqls=report.distribution.mqls + 2))
    assert rows_of(render_score_page(earlier, with_plots=False), "The report before and this one")["MQLs"][-1] == "−2"


def replace_struct(struct: Any, **fields: object) -> Any:
    return type(struct)(**{name: getattr(struct, name) for name in struct.__struct_fields__} | fields)


def test_without_plots_the_tables_remain(report: ScoreReport) -> None:
    page = render_score_page(report, with_plots=False)
    assert "<svg" not in page
    assert ".whl[report]" in unescape(page)
    assert rows_of(page, "Contacts by band")


def test_findings_name_a_criterion_that_never_fires(report: ScoreReport) -> None:
    assert "These criteria of the score fire for no contact: careers, never." in list(find_problems(report))
    assert any("threshold of 99" in each for each in find_problems(replace(report, threshold=99, reachable=120)))


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (950, "950"), (1_234, "1.2k"), (34_567, "35k"), (999_499, "999k"), (999_501, "1.0M"), (12_000_000, "12M")],
)
def test_a_short_count_has_at_most_four_characters(number: int, text: str) -> None:
    assert shorten_number(number) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 5, "0 %"), (5, 5, "100 %"), (1, 9_999, "under 0.1 %"), (9_999, 10_000, "99.9 %"), (1, 3, "33.3 %"), (0, 0, "–")],
)
def test_a_share_is_zero_or_all_only_if_it_is(part: int, whole: int, text: str) -> None:
    assert format_share(part, whole).replace("\u00a0", " ") == text


def test_outcomes_have_a_section_once_they_are_known(report: ScoreReport, html: str) -> None:
    assert "What became of MQLs" not in html
    group = Group(value="hot & ready", opportunities=Ratio(count=30, total=90), customers=Ratio(count=0, total=90), feedback={})
    outcomes = OutcomeReport(
        at=report.at,
        model=report.model_hash,
        all_mqls=group,
        groups={"band": (group, replace(group, value="cold", opportunities=Ratio(count=0, total=0)))},
        bands=(group,),
        days=(1.0, 5.0, 9.0),
        revenue=0.0,
        earlier=0,
        frozen=(),
        named={},
        alarms=(Alarm(kind="too_little_data", text="Too little data."),),
        notes=(),
    )
    section = build_outcome_section(outcomes).parts[1]
    assert section.chart
    with use_page_style():
        svg = render_svg(draw(section.chart), name="one", title="Title", description="Text")
    assert "33\u00a0% of 90" in svg
    assert "cold" not in section.chart.labels  # no bar, no interval: nothing is known about it
    young = replace(group, value="D-", opportunities=Ratio(count=0, total=0), young=7)
    (part,) = build_outcome_section(replace(outcomes, groups={"grade": (young,)}, bands=())).parts
    assert part.table
    assert (part.chart, part.table.rows[0][:3]) == (None, ("D−", "7", "0 of 0: –"))
    page = render_score_page(replace(report, outcomes=outcomes), with_plots=False)
    assert "Too little data." in page
    assert rows_of(page, "By band of all contacts")["hot &amp; ready"] == ["90", "30 of 90: 33% [24%–44%]", "0 of 90: 0% [0%–4%]"]
    assert (replace(report, outcomes=outcomes)).as_json()["outcomes"]["opportunities"]["count"] == 30


@pytest.mark.parametrize("values", [(58.3, -46.7), (293.3, -37.5), (-280.0, -1.7)])
def test_the_numbers_next_to_bars_stay_clear_of_the_names_and_of_the_edge(values: tuple[float, ...]) -> None:
    series = Series(name="points", values=values, texts=[f"{value}" for value in values])
    names = ["unsubscribed from marketing emails", "x"]
    with use_page_style():
        figure = draw(BarChart(title="Points", description="", labels=names, series=[series]))
        figure.draw_without_rendering()
    (axes,) = figure.axes
    inside = axes.get_window_extent()
    for text in axes.texts:
        extent = text.get_window_extent()
        assert inside.x0 <= extent.x0
        assert extent.x1 <= inside.x1
