from __future__ import annotations

from sqlalchemy import Connection

from sync_worker.store import contacts, events, verdicts
from sync_worker.store.verdicts import VerdictKey
from tests.store.row_factories import STANDARD, due, event, judge, known, text, verdict


class TestDue:
    """Who has no verdict that stands."""

    def test_whoever_was_never_judged(self, tx: Connection) -> None:
        known(tx, 3, 1, 2)
        judge(tx, verdict(2))
        assert due(tx) == [1, 3]

    def test_whoever_changed_since(self, tx: Connection) -> None:
        known(tx, 1, 2)
        judge(tx, verdict(1), verdict(2))
        known(tx, 2, facts=text(city="Bonn"))
        assert due(tx) == [2]

    def test_everybody_under_another_model(self, tx: Connection) -> None:
        known(tx, 1)
        judge(tx, verdict(1))
        assert due(tx, VerdictKey(model="other", since=STANDARD.since)) == [1]

    def test_everybody_once_the_day_has_begun_anew(self, tx: Connection) -> None:
        known(tx, 1)
        judge(tx, verdict(1), at=STANDARD.since)
        assert due(tx) == []
        assert due(tx, VerdictKey(model=STANDARD.model, since=STANDARD.since + 1)) == [1]

    def test_nobody_who_is_gone(self, tx: Connection) -> None:
        known(tx, 1)
        contacts.mark_deleted(tx, [1])
        assert due(tx) == []

    def test_a_chunk_at_a_time_in_order_of_id(self, tx: Connection) -> None:
        known(tx, *range(1, 8))
        first = verdicts.select_due(tx, STANDARD, after=0, limit=3)
        second = verdicts.select_due(tx, STANDARD, after=max(first), limit=3)
        assert ([*first], [*second]) == ([1, 2, 3], [4, 5, 6])
        assert [row.id for row in verdicts.load_selected_contacts(tx)] == [4, 5, 6]


def test_a_verdict_stands_for_the_facts_that_it_judged_not_for_newer_ones(tx: Connection) -> None:
    known(tx, 1)
    judged = verdicts.select_due(tx, STANDARD, after=0, limit=1)
    contacts.mark_due(tx, [1], [])  # something comes in while the contact is being judged
    verdicts.save(tx, [verdict(1)], revisions=judged, key=STANDARD, at=100)
    assert due(tx) == [1]


def test_the_chosen_come_with_the_facts_of_their_company(tx: Connection) -> None:
    contacts.save_companies(tx, [{"id": 7, "updated_at": 1, "facts": text(name="Acme")}])
    known(tx, 1, facts=text(city="Bonn"), company_id=7)
    known(tx, 2, company_id=8)
    verdicts.select_due(tx, STANDARD, after=0, limit=9)
    assert [tuple(row) for row in verdicts.load_selected_contacts(tx)] == [(1, text(city="Bonn"), text(name="Acme")), (2, "{}", None)]


def test_the_chosen_come_with_their_events_by_id_and_by_each_of_their_addresses(tx: Connection) -> None:
    known(tx, 1, addresses=("p1@example.com", "second@example.com"))
    known(tx, 2)
    events.save_forms(tx, {"f": "Demo"})
    events.save(
        tx,
        [
            event("view", kind="page_view", contact_id=1),
            event("click", email="p1@example.com"),
            event("sent", kind="form_submission", email="second@example.com", form_id="f"),
            event("other", email="p2@example.com"),
            # Who has an id needs no address: one event is one, whatever both say.
            event("both", kind="page_view", contact_id=1, email="p1@example.com"),
            event("someone", kind="page_view", contact_id=2, email="p1@example.com"),
        ],
    )
    verdicts.select_contact(tx, 1)
    found = [(row.contact_id, row.kind, row.id, row.form_id, row[6]) for part in verdicts.load_selected_events(tx) for row in part]
    assert sorted(found) == [
        (1, "email_click", "click", None, None),
        (1, "form_submission", "sent", "f", "Demo"),
        (1, "page_view", "both", None, None),
        (1, "page_view", "view", None, None),
    ]


def test_an_address_that_two_share_brings_the_event_to_both(tx: Connection) -> None:
    known(tx, 1, 2, addresses=("info@example.com",))
    events.save(tx, [event("click", email="info@example.com")])
    verdicts.select_due(tx, STANDARD, after=0, limit=9)
    assert sorted(row.contact_id for part in verdicts.load_selected_events(tx) for row in part) == [1, 2]


def test_who_stood_as_mql_by_score_is_known_at_the_next_judgement(tx: Connection) -> None:
    known(tx, 1, 2, 3)
    judge(tx, verdict(1, mql=True, by_score=True), verdict(2, mql=True, direct=True))
    verdicts.select_due(tx, VerdictKey(model="other", since=0), after=0, limit=9)
    assert verdicts.load_mqls_by_score(tx) == [1]


def test_one_contact_can_be_looked_at_with_what_its_verdict_rests_on(tx: Connection) -> None:
    known(tx, 1, facts=text(city="Bonn"))
    assert verdicts.load(tx, 2) is None
    unjudged = verdicts.load(tx, 1)
    assert unjudged is not None
    assert (unjudged.facts, unjudged.model, unjudged.verdict_revision) == (text(city="Bonn"), None, None)
    judge(tx, verdict(1))
    judged = verdicts.load(tx, 1)
    assert judged is not None
    assert (judged.model, judged.evaluated_at, judged.verdict_revision) == ("m", 100, judged.revision)


def test_the_scores_are_counted_without_those_who_are_gone(tx: Connection) -> None:
    known(tx, 1, 2, 3)
    judge(tx, verdict(1, score=5), verdict(2, score=5), verdict(3, score=9))
    contacts.mark_deleted(tx, [3])
    assert [tuple(row) for row in verdicts.count_by_score(tx)] == [(5, "cold", "D", False, 2)]
