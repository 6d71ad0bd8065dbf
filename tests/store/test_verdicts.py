from __future__ import annotations

from sqlalchemy import Connection

from sync_worker.store import verdicts
from sync_worker.store.facts import contacts, events
from sync_worker.store.facts.contacts import CompanyRow
from sync_worker.store.verdicts import VerdictKey
from sync_worker.store.writes import memberships
from tests.store.row_factories import VERDICT_KEY, canonical_json, due_ids, make_event_row, make_verdict_row, save_contacts, save_verdicts


class TestDue:
    """Contacts without a current verdict."""

    def test_contacts_without_a_verdict_are_due(self, tx: Connection) -> None:
        save_contacts(tx, 3, 1, 2)
        save_verdicts(tx, make_verdict_row(2))
        assert due_ids(tx) == [1, 3]

    def test_contacts_changed_since_the_verdict_are_due(self, tx: Connection) -> None:
        save_contacts(tx, 1, 2)
        save_verdicts(tx, make_verdict_row(1), make_verdict_row(2))
        save_contacts(tx, 2, facts=canonical_json(city="Bonn"))
        assert due_ids(tx) == [2]

    def test_all_contacts_are_due_under_another_model(self, tx: Connection) -> None:
        save_contacts(tx, 1)
        save_verdicts(tx, make_verdict_row(1))
        assert due_ids(tx, VerdictKey(model="other", since=VERDICT_KEY.since)) == [1]

    def test_all_contacts_are_due_on_a_new_day(self, tx: Connection) -> None:
        save_contacts(tx, 1)
        save_verdicts(tx, make_verdict_row(1), at=VERDICT_KEY.since)
        assert due_ids(tx) == []
        assert due_ids(tx, VerdictKey(model=VERDICT_KEY.model, since=VERDICT_KEY.since + 1)) == [1]

    def test_deleted_contacts_are_never_due(self, tx: Connection) -> None:
        save_contacts(tx, 1)
        contacts.mark_deleted(tx, [1])
        assert due_ids(tx) == []

    def test_batches_are_in_order_of_id(self, tx: Connection) -> None:
        save_contacts(tx, *range(1, 8))
        first = verdicts.select_due(tx, VERDICT_KEY, after=0, limit=3)
        second = verdicts.select_due(tx, VERDICT_KEY, after=max(first), limit=3)
        assert ([*first], [*second]) == ([1, 2, 3], [4, 5, 6])
        assert [row.id for row in verdicts.load_selected_contacts(tx)] == [4, 5, 6]


def test_a_verdict_is_valid_for_its_facts_only(tx: Connection) -> None:
    save_contacts(tx, 1)
    revisions = verdicts.select_due(tx, VERDICT_KEY, after=0, limit=1)
    contacts.mark_due(tx, [1], [])  # new data arrives during the evaluation
    verdicts.save(tx, [make_verdict_row(1)], revisions=revisions, key=VERDICT_KEY, at=100)
    assert due_ids(tx) == [1]


def test_selected_contacts_have_the_facts_of_their_company(tx: Connection) -> None:
    contacts.save_companies(tx, [CompanyRow(7, 1, canonical_json(name="Acme"))])
    save_contacts(tx, 1, facts=canonical_json(city="Bonn"), company_id=7)
    save_contacts(tx, 2, company_id=8)
    verdicts.select_due(tx, VERDICT_KEY, after=0, limit=9)
    assert [tuple(row) for row in verdicts.load_selected_contacts(tx)] == [
        (1, canonical_json(city="Bonn"), canonical_json(name="Acme")),
        (2, "{}", None),
    ]


def test_selected_contacts_have_their_events_by_id_and_by_each_of_their_emails(tx: Connection) -> None:
    save_contacts(tx, 1, addresses=("p1@example.com", "second@example.com"))
    save_contacts(tx, 2)
    events.save_forms(tx, {"f": "Demo"})
    events.save(
        tx,
        [
            make_event_row("view", kind="page_view", contact_id=1),
            make_event_row("click", email="p1@example.com"),
            make_event_row("sent", kind="form_submission", email="second@example.com", form_id="f"),
            make_event_row("other", email="p2@example.com"),
            # The id has priority over the email, so that an event counts once.
            make_event_row("both", kind="page_view", contact_id=1, email="p1@example.com"),
            make_event_row("someone", kind="page_view", contact_id=2, email="p1@example.com"),
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


def test_an_event_of_a_shared_email_belongs_to_both_contacts(tx: Connection) -> None:
    save_contacts(tx, 1, 2, addresses=("info@example.com",))
    events.save(tx, [make_event_row("click", email="info@example.com")])
    verdicts.select_due(tx, VERDICT_KEY, after=0, limit=9)
    assert sorted(row.contact_id for part in verdicts.load_selected_events(tx) for row in part) == [1, 2]


def test_an_admitted_mql_by_score_is_one_in_its_last_verdict_and_in_the_list(tx: Connection) -> None:
    save_contacts(tx, *range(1, 7))
    mql, by_score = {"mql": True}, {"by_score": True}
    disqualified, unapproved, direct = (
        make_verdict_row(2, **by_score),
        make_verdict_row(3, **mql, **by_score),
        make_verdict_row(4, **mql, direct=True),
    )
    pending = make_verdict_row(6, **mql, **by_score)
    save_verdicts(tx, make_verdict_row(1, **mql, **by_score), disqualified, unapproved, direct, make_verdict_row(5), pending)
    memberships.save_changes(tx, "by_score", added=[1, 2, 4, 5], removed=[])
    memberships.save_pending(tx, "by_score", [6])
    verdicts.select_due(tx, VerdictKey(model="other", since=0), after=0, limit=9)
    assert verdicts.load_admitted_mqls(tx) == [1]


def test_one_contact_is_read_with_the_facts_of_its_verdict(tx: Connection) -> None:
    save_contacts(tx, 1, facts=canonical_json(city="Bonn"))
    assert verdicts.load(tx, 2) is None
    before = verdicts.load(tx, 1)
    assert before is not None
    assert (before.facts, before.model, before.verdict_revision) == (canonical_json(city="Bonn"), None, None)
    save_verdicts(tx, make_verdict_row(1))
    after = verdicts.load(tx, 1)
    assert after is not None
    assert (after.model, after.evaluated_at, after.verdict_revision) == ("m", 100, after.revision)


def test_the_scores_exclude_deleted_contacts(tx: Connection) -> None:
    save_contacts(tx, 1, 2, 3)
    save_verdicts(tx, make_verdict_row(1, score=5), make_verdict_row(2, score=5), make_verdict_row(3, score=9))
    contacts.mark_deleted(tx, [3])
    assert [tuple(row) for row in verdicts.count_by_score(tx)] == [(5, "cold", "D", False, 2)]
