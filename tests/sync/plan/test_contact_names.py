"""Names of contacts in reports: as HubSpot shows them at that moment, never in the state, and hidden on request."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from sync_worker.store.database import open_store
from sync_worker.store.schema import metadata
from sync_worker.sync.plan.contact_names import ContactName
from tests.harness import Harness, make_contact, make_submission, small_portal, start_harness

ANN = {"firstname": "Ann\n\x1b[31m", "lastname": "Quackenbush", "company": "Acme [bold]"}


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    contacts = [make_contact(1, **ANN), make_contact(2)]
    portal = small_portal(
        contacts=contacts, companies=[], email_events=[], events=[], submissions=[make_submission("p1@example.com", "demo")]
    )
    with start_harness(tmp_path_factory.mktemp("names"), portal) as harness:
        harness.edit_contact(1, lead_score_reasons="call Ann Quackenbush")
        yield harness


def test_a_plan_has_the_names_of_its_sample_and_the_state_has_none(harness: Harness) -> None:
    with harness.worker() as worker:
        report = worker.add_names(worker.plan())
    first, second = report.as_json()["plan"]["samples"]
    assert {name: first[name] for name in (*ANN, "email")} == {**ANN, "email": "p1@example.com"}
    assert (second["email"], second["firstname"], second["company"]) == ("p2@example.com", None, None)
    assert first["changes"]["lead_score_reasons"]["from"] == "call Ann Quackenbush"
    store = open_store(harness.state_url)
    with store.transaction() as tx:
        saved = str([tx.execute(table.select()).all() for table in metadata.sorted_tables])
    store.close()
    assert "p1@example.com" in saved
    assert "Acme [bold]" not in saved


def test_without_names_no_text_from_hubspot_is_left(harness: Harness) -> None:
    with harness.worker() as worker:
        report = worker.add_names(worker.plan())
    report.hide_names()
    text = json.dumps(report.as_json(), ensure_ascii=False)
    assert [word for word in ("Ann", "Quackenbush", "Acme", "@") if word in text] == []
    changes = report.as_json()["plan"]["samples"][0]["changes"]
    assert changes["lead_score_reasons"] == {"from": "(hidden)", "to": "(hidden)"}
    assert changes["lead_score"] == {"from": "", "to": "10"}


def test_addresses_are_left_if_hubspot_does_not_show_names(harness: Harness) -> None:
    with harness.worker() as worker:
        plan = worker.plan()
        harness.deny("*/contacts/batch/read")
        report = worker.add_names(plan)
        harness.clear_faults()
    assert [row["email"] for row in report.as_json()["plan"]["samples"]] == ["p1@example.com", "p2@example.com"]


def test_a_score_report_has_the_names_of_mqls(harness: Harness) -> None:
    with harness.worker() as worker:
        worker.backfill(dry_run=True)
        report = worker.add_names(worker.report())
    assert [mql.as_json()["lastname"] for mql in report.mqls] == ["Quackenbush"]
    assert [mql.as_json()["company"] for mql in report.hide_names().mqls] == [None]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (ContactName(email="a@x.com", firstname="Ann", lastname="Lee", company="Acme"), "Ann Lee, Acme, a@x.com"),
        (ContactName(firstname=" Ann\n", company="A" * 200), f"Ann, {'A' * 80} …"),
        (ContactName(), ""),
    ],
)
def test_a_name_is_one_short_line(name: ContactName, text: str) -> None:
    assert name.text == text
