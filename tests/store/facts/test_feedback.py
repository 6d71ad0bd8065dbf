from __future__ import annotations

from sqlalchemy import Connection

from sync_worker.store import erasure
from sync_worker.store.facts import contacts, feedback
from sync_worker.store.facts.feedback import Feedback, FeedbackAnswer
from tests.store.row_factories import make_contact_row, save_contacts


def answer(value: str, note: str = "", *, contact: int = 1, updated_at: int = 10**13) -> FeedbackAnswer:
    return FeedbackAnswer(contact, updated_at, value, note)


def save(tx: Connection, *answers: FeedbackAnswer, model: str = "old", at: int = 1) -> None:
    feedback.save(tx, answers, model=model, at=at)


def test_an_answer_keeps_the_model_and_time_at_which_its_value_was_first_seen(tx: Connection) -> None:
    save_contacts(tx, 1)
    save(tx, answer("too_early"))
    save(tx, answer("too_early", "no budget"), model="new", at=2)
    assert feedback.load_all(tx) == [Feedback(1, "old", "too_early", "no budget", 1)]
    save(tx, answer("bad_fit", "no budget"), model="new", at=3)
    assert feedback.load_all(tx) == [Feedback(1, "new", "bad_fit", "no budget", 3)]


def test_a_note_may_come_first_and_an_emptied_answer_is_deleted(tx: Connection) -> None:
    save_contacts(tx, 1, 2)
    save(tx, answer("", "#views count too much"), answer("", contact=2))
    save(tx, answer("good_lead", "#views count too much"), model="new", at=2)
    assert feedback.load_all(tx) == [Feedback(1, "old", "good_lead", "#views count too much", 1)]
    save(tx, answer(""))
    assert feedback.load_all(tx) == []


def test_an_older_record_does_not_replace_an_answer(tx: Connection) -> None:
    row = make_contact_row(1)
    contacts.save(tx, [row])
    save(tx, answer("good_lead", updated_at=row.updated_at))
    save(tx, answer("", updated_at=row.updated_at - 1))
    assert [each.value for each in feedback.load_all(tx)] == ["good_lead"]


def test_a_merge_moves_the_answer_and_keeps_that_of_the_survivor(tx: Connection) -> None:
    save_contacts(tx, 1, 2, 3)
    save(tx, answer("bad_fit", contact=2), answer("too_early", contact=3))
    feedback.merge(tx, [2], 1)
    assert feedback.load_all(tx) == [Feedback(1, "old", "bad_fit", "", 1), Feedback(3, "old", "too_early", "", 1)]
    feedback.merge(tx, [1], 3)
    assert feedback.load_all(tx) == [Feedback(3, "old", "too_early", "", 1)]


def test_an_erased_contact_leaves_no_answer(tx: Connection) -> None:
    save_contacts(tx, 1)
    save(tx, answer("good_lead", "knows our boss"))
    erasure.purge(tx, [1])
    assert feedback.load_all(tx) == []
