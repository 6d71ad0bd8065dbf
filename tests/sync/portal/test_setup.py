"""Setup with a model in another language, and after a user has renamed our lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import MODEL, Harness, start_harness

GERMAN = MODEL.replace("name: Small", "name: Small\nlanguage: de")


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    """An empty portal after `setup`, so that the state has the list ids."""
    with start_harness(tmp_path, ready=False) as harness:
        harness.setup()
        yield harness


def setup_steps(harness: Harness, *, dry_run: bool = False) -> list[tuple[str, str, str, str]]:
    with harness.worker() as worker:
        return [(step["action"], step["what"], step["name"], step["why"]) for step in worker.setup(dry_run=dry_run)]


def list_names(harness: Harness) -> list[str]:
    return sorted(each.name for each in harness.portal.lists)


def test_another_language_changes_labels_and_nothing_else(harness: Harness) -> None:
    before = {name: definition.options for name, definition in harness.portal.catalog().definitions.items() if name.startswith("lead_")}
    harness.use_model(GERMAN)
    planned = setup_steps(harness, dry_run=True)
    assert [step[:2] for step in planned] == [("update", "group"), *[("update", "property")] * 8, *[("update", "list")] * 2]
    assert ("update", "property", "lead_mql_reason", "label, description, options") in planned
    assert planned[-1] == ("update", "list", "MQL · nach Score", "is called “MQL · by score”")
    assert setup_steps(harness) == planned
    score, trend = (harness.portal.catalog().get(name) for name in ("lead_score", "lead_score_trend"))
    assert (score and score.label, trend and [option.label for option in trend.options]) == (
        "Lead-Score",
        ["Steigend", "Gleichbleibend", "Fallend"],
    )
    assert harness.portal.catalog().groups["lead_scoring"].label == "Lead-Scoring"
    after = {name: definition.options for name, definition in harness.portal.catalog().definitions.items() if name.startswith("lead_")}
    assert {name: [o.value for o in options] for name, options in after.items()} == {
        name: [o.value for o in options] for name, options in before.items()
    }
    assert setup_steps(harness) == []


def test_a_list_keeps_its_id_and_its_members_when_its_name_changes(harness: Harness) -> None:
    harness.backfill()
    harness.approve()
    ids = {each.id: each.member_ids() for each in harness.portal.lists}
    harness.use_model(GERMAN)
    harness.setup()
    harness.advance()
    harness.backfill()
    assert {each.id: each.member_ids() for each in harness.portal.lists} == ids
    assert list_names(harness) == ["Leads · cold", "Leads · hot", "Leads · warm", "MQL", "MQL · direkt", "MQL · nach Score"]


def test_a_new_state_finds_lists_by_their_names_in_other_languages(harness: Harness, tmp_path: Path) -> None:
    names = list_names(harness)
    (tmp_path / "other").mkdir()
    harness.use_model(GERMAN)
    harness.state_url = f"sqlite:///{tmp_path / 'other' / 'state.db'}"
    harness.setup()
    assert len(list_names(harness)) == len(names)


def test_a_renamed_list_stays_managed_and_keeps_its_new_name(harness: Harness) -> None:
    record_list = harness.portal.lists.find_by_name("MQL · direct", "0-1")
    assert record_list is not None
    record_list.name = "Hand raisers"
    assert setup_steps(harness) == []
    harness.backfill()
    harness.approve()
    assert harness.members("Hand raisers") == [2, 5]
    assert harness.portal.lists.find_by_name("MQL · direct", "0-1") is None


def test_a_deleted_list_is_recreated(harness: Harness) -> None:
    found = harness.portal.lists.find_by_name("MQL · direct", "0-1")
    assert found is not None
    found.deleted_at = harness.now_ms()
    assert setup_steps(harness) == [("create", "list", "MQL · direct", "missing")]
    assert setup_steps(harness) == []


def test_check_recognizes_a_renamed_list_as_setup_does(harness: Harness) -> None:
    found = harness.portal.lists.find_by_name("MQL", "0-1")
    assert found is not None
    found.name = "Call these"
    with harness.worker() as worker:
        assert worker.check().setup == ()
