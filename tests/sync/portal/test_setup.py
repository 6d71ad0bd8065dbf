"""What setup makes of a portal when the model speaks another language, and when somebody has renamed what is ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import MODEL, World, a_world

GERMAN = MODEL.replace("name: Small", "name: Small\nlanguage: de")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty portal that `setup` itself has set up, so that the state knows its lists."""
    with a_world(tmp_path, ready=False) as world:
        world.setup()
        yield world


def done(world: World, *, dry_run: bool = False) -> list[tuple[str, str, str, str]]:
    with world.worker() as worker:
        return [(step["action"], step["what"], step["name"], step["why"]) for step in worker.setup(dry_run=dry_run)]


def list_names(world: World) -> list[str]:
    return sorted(each.name for each in world.portal.lists)


def test_another_language_changes_what_people_read_and_nothing_else(world: World) -> None:
    before = {name: definition.options for name, definition in world.portal.catalog().definitions.items() if name.startswith("lead_")}
    world.use_model(GERMAN)
    planned = done(world, dry_run=True)
    assert [step[:2] for step in planned] == [("mend", "group"), *[("mend", "property")] * 8, *[("mend", "list")] * 2]
    assert ("mend", "property", "lead_mql_reason", "label, description, options") in planned
    assert planned[-1] == ("mend", "list", "MQL · nach Score", "is called “MQL · by score”")
    assert done(world) == planned
    score, trend = (world.portal.catalog().get(name) for name in ("lead_score", "lead_score_trend"))
    assert (score and score.label, trend and [option.label for option in trend.options]) == (
        "Lead-Score",
        ["Steigend", "Gleichbleibend", "Fallend"],
    )
    assert world.portal.catalog().groups["lead_scoring"].label == "Lead-Scoring"
    after = {name: definition.options for name, definition in world.portal.catalog().definitions.items() if name.startswith("lead_")}
    assert {name: [o.value for o in options] for name, options in after.items()} == {
        name: [o.value for o in options] for name, options in before.items()
    }
    assert done(world) == []


def test_a_list_keeps_its_id_and_its_members_when_its_name_changes(world: World) -> None:
    world.backfill()
    world.approve()
    ids = {each.id: each.member_ids() for each in world.portal.lists}
    world.use_model(GERMAN)
    world.setup()
    world.later()
    world.backfill()
    assert {each.id: each.member_ids() for each in world.portal.lists} == ids
    assert list_names(world) == ["Leads · cold", "Leads · hot", "Leads · warm", "MQL", "MQL · direkt", "MQL · nach Score"]


def test_a_state_that_knows_no_list_finds_them_by_the_names_of_other_languages(world: World, tmp_path: Path) -> None:
    names = list_names(world)
    (tmp_path / "other").mkdir()
    world.use_model(GERMAN)
    world.state_url = f"sqlite:///{tmp_path / 'other' / 'state.db'}"
    world.setup()
    assert len(list_names(world)) == len(names)


def test_a_list_that_somebody_renamed_is_still_ours_and_keeps_that_name(world: World) -> None:
    found = world.portal.lists.find_by_name("MQL · direct", "0-1")
    assert found is not None
    found.name = "Hand raisers"
    assert done(world) == []
    world.backfill()
    world.approve()
    assert world.members("Hand raisers") == [2, 5]
    assert world.portal.lists.find_by_name("MQL · direct", "0-1") is None


def test_a_list_that_was_deleted_is_made_again(world: World) -> None:
    found = world.portal.lists.find_by_name("MQL · direct", "0-1")
    assert found is not None
    found.deleted_at = world.now_ms()
    assert done(world) == [("create", "list", "MQL · direct", "missing")]
    assert done(world) == []


def test_check_knows_a_renamed_list_as_setup_does(world: World) -> None:
    found = world.portal.lists.find_by_name("MQL", "0-1")
    assert found is not None
    found.name = "Call these"
    with world.worker() as worker:
        assert worker.check().setup == ()
