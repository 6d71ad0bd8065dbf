"""The formats of the revision log."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO

import orjson
import pytest

from sync_worker.cli.output.revision_log import LogFormat, print_log
from sync_worker.model.compiled.loader import loads
from sync_worker.reports.revision_log import RevisionLog, build_log
from sync_worker.store.facts.feedback import Feedback
from sync_worker.store.model_revisions import ModelRevision

MODEL = """
version: 1
name: test
score:
  bands: [{{name: cold, from: 0}}, {{name: hot, from: 10}}]
  criteria:
    clicks: {{label: "clicked | twice", event: email_click, points: {clicks}}}
    {second}: {{event: page_view, points: 3}}
qualification: {{threshold: {threshold}}}
"""


def make_log() -> RevisionLog:
    texts = [
        MODEL.format(clicks=5, second="views", threshold=10),
        MODEL.format(clicks=-4, second="views", threshold=10),
        MODEL.format(clicks=-4, second="visits", threshold=12),
    ]
    rows: list[ModelRevision] = []
    for number, text in enumerate(texts):
        document = orjson.dumps(loads(text, "model.yaml").document.dump_canonical()).decode()
        effect = f'{{"new MQLs": {number + 1000}, "MQL: added": 3}}'
        approval = ModelRevision(number * 86_400_000, "approval", f"hash{number}", "Ada", "=1+1", document, f"r{number}", effect)
        note = ModelRevision(number * 86_400_000 + 1, "note", f"hash{number}", "Rep <b>", f"note {number}\nsecond line, with a comma")
        rows += [approval, note]
    answers = [
        Feedback(1, "hash0", "good_lead", "", 1),
        Feedback(2, "hash2", "bad_fit", "#clicks from a student", 3 * 86_400_000),
        Feedback(3, "hash2", "bad_fit", "", 3 * 86_400_000),
        Feedback(4, "draft", "too_early", "", 86_400_000 + 1),  # about a model without an approval, while hash1 was in force
    ]
    return build_log(rows, answers)


def print_as(log: RevisionLog, log_format: LogFormat, capsys: pytest.CaptureFixture[str]) -> str:
    print_log(log, log_format)
    return capsys.readouterr().out


def cells(rows: Sequence[Sequence[str]], label: str) -> list[str]:
    (row,) = [row for row in rows if row[1] == label]
    return list(row[2:])


def test_three_revisions_are_read_back_from_csv(capsys: pytest.CaptureFixture[str]) -> None:
    log = make_log()
    rows = list(csv.reader(StringIO(print_as(log, LogFormat.CSV, capsys))))
    assert rows[0] == ["section", "criterion", *(f"1970-01-0{day} · hash{day - 1} · Ada" for day in (1, 2, 3))]
    assert {len(row) for row in rows} == {5}
    for line in log.lines:
        marked = [f"{cell.text}{' *' if cell.changed else ''}" for cell in line.cells]
        assert [cell.removeprefix("'") for cell in cells(rows, line.label)] == marked
    assert cells(rows, "clicked | twice") == ["'+5", "−4 *", "−4"]
    assert cells(rows, "visits") == ["", "", "'+3 *"]
    assert cells(rows, "notes") == [f"1970-01-0{day} Rep <b>: note {day - 1}\nsecond line, with a comma" for day in (1, 2, 3)]


def test_feedback_is_counted_for_its_revision_and_for_the_criteria_that_notes_name(capsys: pytest.CaptureFixture[str]) -> None:
    log = make_log()
    rows = list(csv.reader(StringIO(print_as(log, LogFormat.CSV, capsys))))
    assert cells(rows, "feedback") == ["1 good lead", "1 too early", "2 bad fit"]
    assert cells(rows, "criteria in notes") == ["", "", "#clicks: 1 bad fit"]
    assert all("2 bad fit" in print_as(log, each, capsys) for each in LogFormat)
    assert [revision["feedback"] for revision in log.as_json()["revisions"]] == [{"good_lead": 1}, {"too_early": 1}, {"bad_fit": 2}]
    assert build_log([], [Feedback(1, "draft", "bad_fit", "", 5)]).early_feedback == {"bad_fit": 1}


def test_a_note_that_looks_like_a_formula_is_not_one(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.reader(StringIO(print_as(make_log(), LogFormat.CSV, capsys))))
    assert cells(rows, "decision") == ["'=1+1"] * 3


def test_a_markdown_table_has_one_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    lines = print_as(make_log(), LogFormat.MARKDOWN, capsys).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in table} == {6}
    assert any("clicked \\| twice" in line for line in table)


def test_the_html_page_escapes_notes_and_marks_changes(capsys: pytest.CaptureFixture[str]) -> None:
    page = print_as(make_log(), LogFormat.HTML, capsys)
    assert "Rep &lt;b&gt;" in page
    assert "<b>" not in page
    assert page.index(">decision<") < page.index("clicked | twice</th>")  # what was decided comes first
    assert page.count('class="changed"') == sum(cell.changed for line in make_log().lines for cell in line.cells) > 0


def test_the_text_marks_changes_and_lists_the_changes_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    text = print_as(make_log(), LogFormat.TEXT, capsys)
    assert "−4 *" in text
    assert "clicked | twice 5 → −4" in text
    assert "new MQLs: 1,002" in text
    assert "MQL: 3 added" in text


def test_an_empty_log_names_the_next_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert "sync-worker approve" in print_as(build_log([]), LogFormat.TEXT, capsys)
