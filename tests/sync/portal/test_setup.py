"""Setup with a model in another language, and after a user has renamed our lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_worker.errors import BadRequest, ConfigurationError, ExitCode
from sync_worker.sandbox.properties.property_definitions import PropertyDefinition, PropertyGroup
from sync_worker.store.database import open_store
from sync_worker.store.saved_state import managed_objects
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
        return [(step.action, step.kind, step.name, step.reason) for step in worker.setup(dry_run=dry_run).steps]


def list_names(harness: Harness) -> list[str]:
    return sorted(each.name for each in harness.portal.lists)


def test_another_language_changes_labels_and_nothing_else(harness: Harness) -> None:
    before = {name: definition.options for name, definition in harness.portal.catalog().definitions.items() if name.startswith("lead_")}
    harness.use_model(GERMAN)
    planned = setup_steps(harness, dry_run=True)
    assert [step[:2] for step in planned] == [("update", "group"), *[("update", "property")] * 11, *[("update", "list")] * 2]
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
    harness.setup(take_over=True)
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


class TestForeignObjects:
    """Properties, labels and lists that this state never made."""

    @pytest.fixture
    def harness(self, tmp_path: Path) -> Iterator[Harness]:
        """A portal without our objects."""
        with start_harness(tmp_path, ready=False) as harness:
            yield harness

    def test_a_property_with_values_is_foreseen_and_refused_until_it_is_taken_over(self, harness: Harness) -> None:
        add_property(harness, "lead_score", label="Lead score", group="lead_scoring")
        harness.edit_contact(1, lead_score="87")
        harness.advance()
        assert foreseen_conflicts(harness) == [("property", "lead_score")]
        message = refused_setup(harness)
        assert "contacts with a value: 1" in message
        assert "property_prefix" in message
        assert "--take-over" in message
        assert harness.value(1, "lead_score") == "87"
        harness.setup(take_over=True)
        assert setup_steps(harness) == []
        assert foreseen_conflicts(harness) == []
        assert harness.backfill().written == 6

    def test_a_property_in_another_group_is_refused_and_moved_when_it_is_taken_over(self, harness: Harness) -> None:
        add_property(harness, "lead_score", label="Lead score (vendor)", group="vendor")
        assert foreseen_conflicts(harness) == [("property", "lead_score")]
        before = harness.digest()
        assert "group vendor" in refused_setup(harness)
        assert harness.digest() == before
        harness.setup(take_over=True)
        found = harness.portal.catalog().get("lead_score")
        assert found is not None
        assert (found.group, found.label) == ("lead_scoring", "Lead score")

    def test_an_empty_property_in_our_group_is_used_because_an_interrupted_setup_may_have_created_it(self, harness: Harness) -> None:
        add_property(harness, "lead_score", label="Lead score", group="lead_scoring")
        assert foreseen_conflicts(harness) == []
        harness.setup()

    def test_a_label_of_another_property_is_foreseen_and_ours_gets_a_distinct_one_on_request(self, harness: Harness) -> None:
        add_property(harness, "old_score", label="lead SCORE", group="vendor")
        assert foreseen_conflicts(harness) == [("property", "lead_score")]
        message = refused_setup(harness)
        assert "“Lead score”" in message
        assert "old_score" in message
        assert "--take-over" in message
        harness.setup(take_over=True)
        found = harness.portal.catalog().get("lead_score")
        assert found is not None
        assert found.label == "Lead score (lead_score)"
        assert setup_steps(harness) == []

    @pytest.mark.parametrize(("kind", "type_"), [("property", "string"), ("list", "")])
    def test_what_cannot_be_used_at_all_is_foreseen_and_refused_in_any_case(self, harness: Harness, kind: str, type_: str) -> None:
        if kind == "property":
            add_property(harness, "lead_score", label="Points", group="vendor", type_=type_)
        else:
            harness.portal.lists.create("MQL", "0-1", "DYNAMIC", now=0, created_by="1")
        assert [each for each, _ in foreseen_conflicts(harness)] == [kind]
        assert "Rename" in refused_setup(harness)
        with pytest.raises(ConfigurationError, match="Rename"):
            harness.setup(take_over=True)

    def test_a_list_of_others_is_refused_until_it_is_taken_over_and_keeps_its_members(self, harness: Harness) -> None:
        own = harness.portal.lists.create("mql", "0-1", "MANUAL", now=0, created_by="1")
        own.add([3], now=0)
        assert foreseen_conflicts(harness) == [("list", "mql")]
        assert "--take-over" in refused_setup(harness)
        harness.setup(take_over=True)
        harness.backfill()
        harness.approve()
        assert own.member_ids() == [1, 2, 3, 5]
        assert foreseen_conflicts(harness) == []

    def test_lists_of_an_interrupted_setup_are_ours(self, harness: Harness) -> None:
        harness.inject_fault("POST *lists*", nth=[4], status=400, body="json", times=1)
        with pytest.raises(BadRequest):
            harness.setup()
        assert len(list(harness.portal.lists)) == 3
        harness.inject_fault("POST *lists*", nth=[2], status=400, body="json", times=1)
        with pytest.raises(BadRequest):
            harness.setup()
        harness.clear_faults()
        harness.setup()
        assert len(list(harness.portal.lists)) == 6

    def test_our_properties_stay_ours_after_a_change_of_the_prefix(self, harness: Harness) -> None:
        harness.setup()
        harness.backfill()
        harness.settings["property_prefix"] = "fit"
        harness.setup()
        harness.settings["property_prefix"] = "lead"
        harness.advance()
        assert foreseen_conflicts(harness) == []

    def test_a_state_of_an_earlier_version_keeps_its_properties(self, harness: Harness) -> None:
        harness.setup()
        harness.backfill()
        harness.advance()
        store = open_store(harness.state_url)
        with store.transaction() as tx:
            managed_objects.save(tx, managed_objects.ManagedObjects())
        store.close()
        assert foreseen_conflicts(harness) == []


def add_property(harness: Harness, name: str, *, label: str, group: str, type_: str = "number") -> None:
    harness.portal.catalog().groups[group] = PropertyGroup(name=group, label=group.title())
    definition = PropertyDefinition(name=name, label=label, type=type_, field_type="text" if type_ == "string" else type_, group=group)
    harness.portal.catalog().save(definition)


def foreseen_conflicts(harness: Harness) -> list[tuple[str, str]]:
    """Return the conflicts that both the check and a dry run of setup report."""
    with harness.worker() as worker:
        report, plan = worker.check(), worker.setup(dry_run=True)
    assert list(report.conflicts) == list(plan.conflicts)
    assert report.exit_code == plan.exit_code == (ExitCode.USAGE if plan.conflicts else ExitCode.DONE)
    return [(conflict.kind, conflict.name) for conflict in plan.conflicts]


def refused_setup(harness: Harness) -> str:
    with pytest.raises(ConfigurationError) as refused:
        harness.setup()
    return str(refused.value)
