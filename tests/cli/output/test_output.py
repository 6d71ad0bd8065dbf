"""The text output of the commands: words, plurals, signs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sync_worker.cli.commands import app
from sync_worker.cli.output import contact_explanation
from sync_worker.cli.output.console import out
from sync_worker.cli.output.labels import count_records, format_count, record_label
from sync_worker.cli.output.run import print_forgotten, print_run
from sync_worker.cli.output.score_report import print_report
from sync_worker.cli.output.setup import print_setup_plan
from sync_worker.cli.output.status import print_status
from sync_worker.cli.output.tables import build_table
from sync_worker.errors import ExitCode
from sync_worker.reports.state_figures import FreshnessSummary
from sync_worker.reports.status import ActiveRun, ModelStatus, PendingChanges, RunSummary, WorkerStatus
from sync_worker.store.writes.held_back import HeldBack, HeldBackGroup
from sync_worker.sync.evaluate.parse_warnings import UnreadableProperty
from sync_worker.sync.plan.plan import ContactChange
from sync_worker.sync.plan.plan_summary import PlanSummary
from sync_worker.sync.portal.setup import SetupPlan, SetupStep
from sync_worker.sync.run_report import ErasureReport, RunReport
from sync_worker.timestamps import to_ms
from tests.harness import Harness, start_harness

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
PENDING_APPROVAL = (
    "  pending   lists and lifecycle stages do not change until this model is approved (1 contact for the list “MQL”): "
    "run `sync-worker report`, then `sync-worker approve --note ...`"
)
AT = datetime(2026, 11, 21, 21, 14, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def approved_harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with start_harness(tmp_path_factory.mktemp("render")) as harness:
        harness.backfill()
        harness.approve()
        yield harness


def make_report(**fields: object) -> RunReport:
    return RunReport(**{"run_id": "da50b0de", "command": "sync", "dry_run": False, "model": "c6ad5fb8070c", "approved": True, **fields})  # type: ignore[arg-type]


def make_status(**fields: object) -> WorkerStatus:
    plain = {
        "portal_id": 1795295587,
        "contacts": 500,
        "cursors": {"contacts": "2026-11-21T21:14:09+00:00", "email_click": "2026-11-21T21:14:09+00:00"},
        "last_done": AT,
        "active_run": None,
        "service": None,
        "model": ModelStatus(
            name="The classic 45 points",
            hash="c6ad5fb8070c",
            approved_at=AT,
            note="ok",
            review_due=datetime(2027, 1, 20, 21, 14, 9, tzinfo=UTC),
            review_overdue_days=0,
        ),
        "pending": PendingChanges(contacts=0, stages=0, lists={}, above_mql_quota=0, reason=None, rejected=()),
        "runs": [
            RunSummary(
                run_id="b7c41f0e", command="sync", started_at=AT, finished_at=AT, exit_code=0, done=True, pulled=500, evaluated=0, written=0
            )
        ],
        "stale": None,
    }
    return WorkerStatus(**{**plain, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "counter", "text"),
    [
        (1, "contacts", "1 contact"),
        (1_000, "contacts", "1,000 contacts"),
        (1, "companies", "1 company"),
        (0, "companies", "0 companies"),
        (891, "email_click", "891 email clicks"),
        (1, "form_submission", "1 form submission"),
        (2, "list members", "2 list members"),
        (3, "webinar", "3 webinar attendances"),
        (1, "custom:pe1_demo", "1 custom:pe1_demo event"),
    ],
)
def test_a_count_has_the_right_noun(number: int, counter: str, text: str) -> None:
    assert count_records(number, counter) == text


def test_nouns_can_have_irregular_plurals() -> None:
    assert [format_count(number, "retry", "retries") for number in (0, 1, 2)] == ["0 retries", "1 retry", "2 retries"]
    assert record_label("page_view") == "page views"


@pytest.mark.parametrize("counter", ["deals", "lifecycle stages", "dates of creation", "histories of companies", "in bulk"])
def test_a_counter_that_is_a_plural_gets_no_second_ending(counter: str) -> None:
    assert not record_label(counter).endswith(("ss", "ns"))


def test_a_run_shows_what_it_read_evaluated_and_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    report = make_report(
        pulled=Counter(contacts=1, email_click=891, companies=0), evaluated=1, written=1, stages=1, retries=1, seconds=0.25
    )
    report.lists = {"MQL": {"added": 1, "removed": 0}}
    print_run(report)
    assert capsys.readouterr().out.splitlines() == [
        "sync",
        "  read      1 contact, 891 email clicks",
        "  evaluated 1 contact with model c6ad5fb8070c",
        "  wrote     1 contact, 1 moved to stage MQL",
        "  list      MQL: 1 added",
        "  requests  0 in 0.2 s, 1 retry, 0 rate-limited",
    ]


def test_a_dry_run_shows_what_it_would_write(capsys: pytest.CaptureFixture[str]) -> None:
    plan = PlanSummary(lists={"MQL": {"add": 2, "remove": 1}})
    plan.add_contact_change(ContactChange(id=7, properties={"lead_score": ("", "20")}, desired="{}"))
    print_run(make_report(dry_run=True, approved=False, plan=plan, waiting=1, withheld={"MQL": 1}))
    assert capsys.readouterr().out.splitlines() == [
        "sync (dry run: nothing was written)",
        "  read      nothing new",
        "  evaluated 0 contacts with model c6ad5fb8070c",
        "  to write  1 contact",
        "  list      MQL: 2 to add, 1 to remove",
        "  requests  0 in 0.0 s, 0 retries, 0 rate-limited",
        "  pending   1 qualified contact above the daily limit of new MQLs",
        "  other text      contact 7",
        "    lead_score: (empty) → 20",
        "  values    lead_score 1",
        PENDING_APPROVAL,
        "  plan      1 other text, 3 list members",
    ]


def test_a_value_that_could_not_be_parsed_is_named_with_its_contacts(capsys: pytest.CaptureFixture[str]) -> None:
    warnings = [
        UnreadableProperty(property="age", expected="a number", contacts=1, ids=(3,)),
        UnreadableProperty(property="size", expected="a number", contacts=9, ids=(3, 4, 5)),
    ]
    print_run(make_report(unreadable=warnings))
    assert [line for line in capsys.readouterr().out.splitlines() if "unknown" in line] == [
        "  unknown   age is not a number: 1 contact (3); `sync-worker explain ID` shows the value",
        "  unknown   size is not a number: 9 contacts (3, 4, 5 ...); `sync-worker explain ID` shows the value",
    ]


def test_the_status_is_the_one_in_the_documents(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(make_status())
    documented = OPERATIONS.read_text(encoding="utf-8").splitlines()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert [line for line in lines if line not in documented] == []


def test_the_status_names_pending_changes_and_the_active_run(capsys: pytest.CaptureFixture[str]) -> None:
    pending = PendingChanges(
        contacts=1, stages=1, lists={"MQL": {"add": 1, "remove": 0}}, above_mql_quota=0, reason="because", rejected=[(7, "INVALID_OPTION")]
    )
    print_status(
        make_status(portal_id=None, contacts=1, pending=pending, active_run=ActiveRun(run_id="0a1b", holder="host:12"), cursors={}, runs=[])
    )
    assert capsys.readouterr().out.splitlines() == [
        "  portal    none yet, 1 contact",
        "  model     The classic 45 points · c6ad5fb8070c (approved 2026-11-21)",
        "  review    due 2027-01-20",
        "  pending   1 contact, 1 list member, 1 stage: because",
        "  active    run 0a1b, host:12",
        "  rejected  7: INVALID_OPTION",
    ]


def test_what_is_held_back_is_printed_with_counts_reasons_and_hints(capsys: pytest.CaptureFixture[str]) -> None:
    groups = (
        HeldBackGroup("properties", "region: MISSING", 1_200, to_ms(AT), to_ms(AT)),
        HeldBackGroup("stage", "lifecyclestage: INVALID_OPTION", 3, to_ms(AT), None),
    )
    report = make_report(rejected=[(id_, "region: MISSING") for id_ in range(25)], held_back=HeldBack(1_203, groups))
    print_run(report)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["  rejected  0: region: MISSING", "  rejected  1: region: MISSING"]
    assert lines[20:24] == [
        "  rejected  and 5 more; see --json",
        "  held back 1,203 contacts",
        "    properties: 1,200, region: MISSING (since 2026-11-21 21:14 UTC, next try in the first run after 2026-11-21 21:14 UTC)",
        "    stage: 3, lifecyclestage: INVALID_OPTION (since 2026-11-21 21:14 UTC, until the value changes)",
    ]
    assert "correct the contacts or the rule" in lines[24]
    assert "sync-worker setup" in lines[25]
    assert report.exit_code == ExitCode.SOME_REJECTED


@pytest.mark.parametrize(
    ("report", "first_line"),
    [
        (ErasureReport(contact_ids=[2], events=1), "  deleted   1 contact, 1 event from the state"),
        (ErasureReport(contact_ids=[2, 3], events=0), "  deleted   2 contacts, 0 events from the state"),
        (ErasureReport(contact_ids=[], events=0), "  deleted   nothing: the state contains no data of this contact"),
    ],
)
def test_an_erasure_shows_what_was_deleted(capsys: pytest.CaptureFixture[str], report: ErasureReport, first_line: str) -> None:
    print_forgotten(report)
    assert capsys.readouterr().out.splitlines()[0] == first_line


def test_setup_shows_created_and_updated_objects(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [SetupStep(action=action, kind="list", name="MQL", reason="missing", definition="MQL") for action in ("create", "update")]
    for dry_run in (True, False):
        print_setup_plan(SetupPlan(steps=steps), dry_run=dry_run)
    print_setup_plan(SetupPlan(), dry_run=True)
    assert capsys.readouterr().out.splitlines() == [
        "  create   list      MQL (missing)",
        "  update   list      MQL (missing)",
        "  2 changes; nothing was written",
        "  created  list      MQL (missing)",
        "  updated  list      MQL (missing)",
        "  no changes: property group, properties and lists are up to date",
    ]


def test_an_explanation_shows_verdict_ledger_and_grade(approved_harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    with approved_harness.worker() as worker:
        contact_explanation.print_explanation(worker.explain("2"))
        contact_explanation.print_explanation(worker.explain("3"))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    headings = [line for line in lines if line.startswith("Contact ")]
    assert headings == [
        "Contact 2: score 10 of 30, band warm, trend rising, grade D, MQL: asked for a demo",
        "Contact 3: score 0 of 30, band cold, trend steady, grade D, not an MQL: score 0 of 20; grade D, C needed",
    ]
    assert sum("the lines add up to it" in line for line in lines) == 2
    assert "direct rule: asked for a demo" in lines
    assert "lists: Leads · warm, MQL · direct, MQL" in lines


def test_a_report_has_one_kind_of_minus_sign(approved_harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    with approved_harness.worker() as worker:
        print_report(worker.report(), out)
    lines = [line for line in capsys.readouterr().out.splitlines() if "report.made" not in line]
    assert lines.pop(0).startswith("Report ")
    assert "6 contacts, 3 MQLs" in lines
    assert all("-" not in line for line in lines)


@pytest.mark.parametrize("arguments", [[], ["model"]])
def test_the_summary_of_a_command_fits_into_80_columns(arguments: list[str]) -> None:
    text = CliRunner().invoke(app, [*arguments, "--help"], terminal_width=80).output
    assert "Commands:" in text
    assert "..." not in text.split("Commands:")[1]


def test_brackets_in_a_label_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    table = build_table(("[bold]", "left"))
    table.add_row("looked at [/jobs] pages [x]")
    out.print(table)
    assert "looked at [/jobs] pages [x]" in capsys.readouterr().out


def test_a_text_from_hubspot_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    text, shown = "a\x1b]0;x\x07\u202e b\x9b :star: [red]", "a]0;x b :star: [red]"
    table = build_table(("name", "left"))
    table.add_row(text)
    out.print(text, markup=False)
    out.print(table)
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [shown, "name", shown]


def test_the_status_shows_freshness_a_pause_and_the_streams_to_read_again(capsys: pytest.CaptureFixture[str]) -> None:
    freshness = FreshnessSummary(mqls=9, p50=156.0, p95=306.0)
    print_status(make_status(mqls=12, freshness=freshness, paused_since=AT, resyncs={"email_click": AT}))
    shown = capsys.readouterr().out
    assert "  MQLs      12; from form to MQL 2.6 min (median), 5.1 min (95th percentile), the last 9\n" in shown
    assert "  paused    since 2026-11-21 21:14 UTC; `sync-worker service resume` ends the pause\n" in shown
    assert "  resync    email clicks since 2026-11-21 21:14 UTC, in the next run\n" in shown
