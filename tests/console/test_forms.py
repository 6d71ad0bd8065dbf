"""The forms of the console: a search, and two commands, accepted only from the console's own pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from sync_worker.console.app import build_console
from sync_worker.errors import StateError
from tests.console.conftest import ADDRESS, FACTS, Browser, Desk, open_desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Return a console whose forms the tests may send."""
    with ExitStack() as stack:
        yield open_desk(stack, tmp_path_factory.mktemp("forms"))


def read_token(browser: Browser, path: str) -> str:
    (token,) = re.findall(r'name="token" value="(\w+)"', browser.get(path).text)
    return str(token)


def count_reviews(desk: Desk) -> int:
    return sum(note.kind == "review" for revision in desk.worker.revision_log().revisions for note in revision.notes)


def test_a_report_is_recorded_like_that_of_the_command(desk: Desk) -> None:
    before = desk.worker.load_scores().earlier
    reply = desk.browser.post("/reports", {"token": read_token(desk.browser, "/scores")})
    assert (reply.status_code, reply.headers["location"]) == (303, "/scores?done=report")
    after = desk.worker.load_scores().earlier
    assert before is not None
    assert after is not None
    assert before.id != after.id
    html = desk.browser.get("/scores?done=report").text
    assert "The report is recorded." in html
    assert after.id in html


def test_a_review_is_recorded_with_its_note_and_author(desk: Desk) -> None:
    before = count_reviews(desk)
    form = {"token": read_token(desk.browser, "/revisions"), "note": "<i>Looks right</i> & done", "author": "Ada Ö."}
    assert desk.browser.post("/reviews", form).headers["location"] == "/revisions?done=review"
    assert count_reviews(desk) == before + 1
    html = desk.browser.get("/revisions?done=review").text
    assert "Ada Ö.: review: &lt;i&gt;Looks right&lt;/i&gt; &amp; done" in html
    assert "The review is recorded." in html


def test_a_review_without_a_note_is_not_recorded(desk: Desk) -> None:
    before = count_reviews(desk)
    reply = desk.browser.post("/reviews", {"token": read_token(desk.browser, "/revisions"), "note": " ", "author": "Ada"})
    assert (reply.status_code, "A review needs a note" in reply.text, count_reviews(desk)) == (404, True, before)


@pytest.mark.parametrize("text", ["P2@example.com", " p2@example.com ", "2"])
def test_a_contact_is_found_by_address_or_id_and_the_address_is_in_no_path(desk: Desk, text: str) -> None:
    reply = desk.browser.post("/contacts", {"token": read_token(desk.browser, "/contacts"), "contact": text})
    assert (reply.status_code, reply.headers["location"]) == (303, "/contacts/2")


def test_an_unknown_contact_is_a_sentence(desk: Desk) -> None:
    reply = desk.browser.post("/contacts", {"token": read_token(desk.browser, "/contacts"), "contact": "<b>@example.com"})
    assert (reply.status_code, "&lt;b&gt;@example.com" in reply.text) == (404, True)


@pytest.mark.parametrize(
    ("origin", "sends_cookie", "sends_token"),
    [
        ("http://[", True, True),
        ("http://attacker.example", True, True),
        ("null", True, True),
        ("", True, True),
        (f"http://{ADDRESS}.attacker.example", True, True),
        ("http://127.0.0.1:9737", True, True),  # another program of this machine
        (f"http://{ADDRESS}", False, True),
        (f"http://{ADDRESS}", True, False),
    ],
)
def test_a_form_of_another_page_changes_nothing(desk: Desk, origin: str, *, sends_cookie: bool, sends_token: bool) -> None:
    token, before = read_token(desk.browser, "/revisions"), count_reviews(desk)
    browser = desk.browser if sends_cookie else replace(desk.browser, cookies=type(desk.browser.cookies)())
    form = {"token": token if sends_token else "", "note": "forged", "author": "Mallory"}
    reply = browser.post("/reviews", form, origin=origin)
    assert (reply.status_code, "was not sent by a page of this console" in reply.text) == (403, True)
    assert count_reviews(desk) == before


def test_a_form_that_is_too_large_is_refused(desk: Desk) -> None:
    form = {"token": read_token(desk.browser, "/revisions"), "note": "x" * 20_000, "author": "Ada"}
    assert desk.browser.post("/reviews", form).status_code == 403


def test_the_cookie_is_not_readable_for_scripts_and_not_sent_by_other_sites(desk: Desk) -> None:
    browser = Browser(build_console(desk.worker.copy, lambda: FACTS))
    cookie = browser.get("/runs").headers["set-cookie"].lower()
    assert cookie.startswith("sync_worker_9736=")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "set-cookie" not in browser.get("/runs").headers


def test_a_page_cannot_be_changed_by_a_get(desk: Desk) -> None:
    before = count_reviews(desk)
    assert desk.browser.get("/reviews?note=x&author=y").status_code == 404
    assert count_reviews(desk) == before


def test_a_page_can_write_nothing(desk: Desk) -> None:
    with desk.worker.copy(read_only=True) as reader, pytest.raises(StateError, match=r"read-?only"):
        reader.add_to_log("note", "x", author="y")
