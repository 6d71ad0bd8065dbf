"""Feedback of sales reps: from `setup --feedback` to the state."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.store.database import open_store
from sync_worker.store.facts import feedback
from tests.harness import MODEL, Harness, make_contact, small_portal, start_harness

OURS = {"lead_feedback", "lead_feedback_note"}


def ask(harness: Harness, *, wanted: bool | None = None, dry_run: bool = False) -> list[tuple[str, str]]:
    with harness.worker() as worker:
        return [(step.action, step.name) for step in worker.setup(feedback=wanted, dry_run=dry_run).steps]


def answers(harness: Harness) -> list[tuple[int, str, str]]:
    store = open_store(harness.state_url)
    with store.transaction() as tx:
        found = [(row.contact_id, row.value, row.note) for row in feedback.load_all(tx)]
    store.close()
    return found


def test_setup_creates_the_properties_for_feedback_and_keeps_them(tmp_path: Path) -> None:
    with start_harness(tmp_path, ready=False) as harness:
        created = [("create", "lead_feedback"), ("create", "lead_feedback_note")]
        ask(harness)
        assert ask(harness, wanted=True, dry_run=True) == created
        assert ask(harness, wanted=True) == created
        definition = harness.portal.catalog().get("lead_feedback")
        assert definition
        assert [option.value for option in definition.options] == ["good_lead", "too_early", "bad_fit"]
        assert ask(harness) == []
        harness.use_model(MODEL.replace("name: Small", "name: Small\nlanguage: de"))
        assert {name for _, name in ask(harness)} >= OURS  # in the language of the model, like the others
        assert ask(harness, wanted=False) == []
        assert harness.portal.catalog().definitions.keys() >= OURS


def test_answers_are_read_in_each_cycle_and_never_written(tmp_path: Path) -> None:
    with start_harness(tmp_path, small_portal(contacts=[make_contact(1), make_contact(2)])) as harness:
        ask(harness, wanted=True)
        harness.backfill()
        assert answers(harness) == []
        harness.advance()
        harness.edit_contact(1, lead_feedback="bad_fit", lead_feedback_note=" #clicks: a student ")
        report = harness.sync().as_json()
        assert answers(harness) == [(1, "bad_fit", "#clicks: a student")]
        assert (report["evaluated"], report["written"], harness.value(1, "lead_feedback")) == (0, 0, "bad_fit")
        harness.edit_contact(1, lead_feedback="", lead_feedback_note="")
        harness.edit_contact(2, lead_feedback="good_lead")
        harness.advance()
        harness.sync()
        assert answers(harness) == [(2, "good_lead", "")]
        with harness.worker() as worker:
            worker.forget("2")
        assert answers(harness) == []


def test_a_deleted_property_is_not_the_same_as_no_answer(tmp_path: Path) -> None:
    with start_harness(tmp_path, small_portal(contacts=[make_contact(1)])) as harness:
        ask(harness, wanted=True)
        harness.edit_contact(1, lead_feedback="good_lead")
        harness.backfill()
        del harness.portal.catalog().definitions["lead_feedback"]
        with pytest.raises(ConfigurationError, match="no property lead_feedback"):
            harness.backfill()
        assert answers(harness) == [(1, "good_lead", "")]
