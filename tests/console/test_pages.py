"""The pages of the console: what they show, and that an error is a sentence."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape, unescape

import pytest

from sync_worker.console.app import build_console
from sync_worker.console.page import PAGES
from sync_worker.console.service_facts import ServiceFacts
from sync_worker.errors import StateBusy
from tests.console.conftest import FACTS, MARKUP, Browser, Desk
from tests.harness import Harness

PATHS = [path for path, _ in PAGES]


def read(desk: Desk, path: str) -> str:
    """Return the text of a page, in one line."""
    reply = desk.browser.get(path)
    assert reply.status_code == 200
    return to_text(reply.text)


def to_text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html.partition("<body>")[2])).split())


@pytest.mark.parametrize("path", PATHS)
def test_a_page_loads_nothing_from_elsewhere_and_escapes_all_data(desk: Desk, path: str) -> None:
    html = desk.browser.get(path).text
    assert MARKUP not in html
    assert set(re.findall(r'(?:src|href|action)="([^"]*)"', html)) <= {
        *PATHS,
        "/reports",
        "/reviews",
        "/style.css",
        "#title",
        *re.findall(r"/contacts/\d+", html),
    }
    assert not re.search(r"<script|<style| style=| on\w+=", html)
    assert f'<a href="{path}" aria-current="page">' in html


def test_the_overview_shows_the_service_its_last_and_its_next_runs(desk: Desk) -> None:
    text = read(desk, "/")
    assert "Service ready last good cycle 0 s ago" in text
    assert "Held back 1 contacts" in text
    assert f"Model {MARKUP}" in text
    assert "sync 2026-11-20 12:00 0 s" in text  # the next run
    assert "2026-11-20 12:00 approve done, with contacts held back" in text


def test_the_overview_names_the_problems_of_the_service(desk: Desk) -> None:
    problem = "The lease of the service has expired."
    html = Browser(build_console(desk.worker.copy, lambda: ServiceFacts(problems=[problem]))).get("/").text
    assert "Service not ready" in to_text(html)
    assert f'<p class="note">{problem}</p>' in html


def test_held_back_contacts_have_a_reason_and_the_next_try(desk: Desk) -> None:
    html = desk.browser.get("/held-back").text
    assert f"Contacts, by id contact id reason Ada {MARKUP}, Engines, p6@example.com 6 " in to_text(html)
    assert re.search(r"properties .*city.* 1 2026-11-20 12:00 next try in the first run after", to_text(html))


def test_the_page_of_runs_has_each_run_with_its_counts(desk: Desk) -> None:
    assert "2026-11-20 12:00 backfill done, with contacts held back 6 6 4" in read(desk, "/runs")


def test_the_scores_have_bars_and_the_numbers_of_the_report(desk: Desk) -> None:
    html = desk.browser.get("/scores").text
    assert html.count('<svg class="bars"') == 4  # scores, bands, grades, bands before and now
    assert "Contacts by score. " in html
    assert "Contacts 6 with a score MQLs 3 50.0 % of contacts" in to_text(html)


def test_the_revisions_have_the_decisions_and_the_criteria(desk: Desk) -> None:
    text = read(desk, "/revisions")
    assert "decision looks right" in text
    assert "Review due 2027-01-19" in text
    assert "looked at careers pages" in text


def test_the_plan_of_an_approved_model_has_what_waits(desk: Desk) -> None:
    text = read(desk, "/plan")
    assert "is not approved" not in text
    assert "New MQLs 0" in text


def test_a_contact_has_a_ledger_that_adds_up_and_its_events(desk: Desk) -> None:
    html = desk.browser.get("/contacts/1").text
    text = to_text(html)
    assert "Score 20 of" in text
    assert "MQL yes MQL by score" in text
    assert "the lines add up to it" in text
    assert "https://x.com/0-1 yes" in text
    assert f"asked for a demo {MARKUP}" not in html
    assert "p1@example.com" in text


def test_a_contact_has_the_name_that_hubspot_shows(desk: Desk) -> None:
    assert f">Ada {escape(MARKUP)}, Engines, p6@example.com</h1>" in desk.browser.get("/contacts/6").text


def test_a_page_has_addresses_if_hubspot_does_not_answer(desk: Desk) -> None:
    away = replace(desk.worker, settings=desk.worker.settings.model_copy(update={"base_url": "http://127.0.0.1:9"}))
    html = Browser(build_console(away.copy, lambda: FACTS)).get("/held-back").text
    assert '<a href="/contacts/6">p6@example.com</a>' in html


@pytest.mark.parametrize("path", ["/contacts/99", f"/contacts/{2**70}"])
def test_a_contact_that_is_not_known_is_a_sentence(desk: Desk, path: str) -> None:
    reply = desk.browser.get(path)
    assert reply.status_code in {404, 503}
    assert '<h2 id="problem-title">What happened</h2>' in reply.text


def test_before_the_approval_the_plan_names_the_contacts_that_would_become_mqls(backfill_harness: Harness) -> None:
    with backfill_harness.worker() as worker:
        browser = Browser(build_console(worker.copy, lambda: FACTS))
        html = browser.get("/plan").text
        assert to_text(browser.get("/revisions").text).count("No revision has been approved yet") == 1
    text = to_text(html)
    assert "The model is not approved: lists and lifecycle stages do not change." in text
    assert "New MQLs 3" in text
    assert "MQL 3 0 MQL · direct 2 0" in text
    assert '<a href="/contacts/1">p1@example.com</a>' in html
    assert "p1@example.com lifecycle stage lifecyclestage: lead → marketingqualifiedlead" in text


def test_an_unknown_page_is_a_sentence(desk: Desk) -> None:
    reply = desk.browser.get("/wp-admin?x=<b>")
    assert (reply.status_code, "There is no such page." in reply.text) == (404, True)


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [(StateBusy("The database does not respond."), 503, "The database does not respond."), (ValueError("a secret"), 500, "(ValueError)")],
)
def test_an_error_of_a_page_is_a_sentence(error: Exception, status: int, sentence: str) -> None:
    def fail(*, read_only: bool) -> None:  # noqa: ARG001 -- the interface
        raise error

    reply = Browser(build_console(fail, lambda: FACTS)).get("/")  # type: ignore[arg-type]
    assert (reply.status_code, sentence in reply.text, "secret" in reply.text) == (status, True, False)
    assert 'aria-label="Pages"' in reply.text


def test_the_style_sheet_is_that_of_the_reports(desk: Desk) -> None:
    reply = desk.browser.get("/style.css")
    assert reply.headers["content-type"].startswith("text/css")
    assert ".figures" in reply.text
