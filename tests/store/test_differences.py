from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product, starmap
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, update

from sync_worker.store import contacts as contact_store
from sync_worker.store import differences, verdicts
from sync_worker.store.database import Store
from sync_worker.store.differences import StageRule
from sync_worker.store.schema import contacts
from tests.store.database_factories import rollback_transaction
from tests.store.row_factories import canonical_json, make_contact_row, make_verdict_row, save_contacts, save_verdicts

MQL = "marketingqualifiedlead"
STAGE_RULE = StageRule(target=MQL, earlier_stages=("subscriber", "lead"))
OLD, NEW = canonical_json(lead_score="1"), canonical_json(lead_score="2")


@dataclass(frozen=True)
class ContactCase:
    """One contact as it may stand."""

    desired: str | None = NEW  # None: never judged
    mql: bool = False
    stage: str | None = None
    given: str | None = None
    refused: str | None = None
    gone: bool = False

    @property
    def differs(self) -> bool:
        return self.desired == NEW and self.refused != NEW and not self.gone

    @property
    def moves(self) -> bool:
        return self.desired is not None and self.mql and self.stage in (None, "subscriber", "lead") and self.given != MQL and not self.gone

    def save(self, tx: Connection, number: int) -> None:
        save_contacts(tx, number, shown=OLD, stage=self.stage)
        if self.desired is not None:
            save_verdicts(tx, make_verdict_row(number, desired=self.desired, mql=self.mql))
        if self.refused is not None:
            differences.save_rejections(tx, [{"contact_id": number, "desired": self.refused, "reason": "no", "at": 1}])
        tx.execute(update(contacts).where(contacts.c.id == number).values(stage_given=self.given, gone=self.gone))


cases = st.builds(
    ContactCase,
    desired=st.sampled_from([None, OLD, NEW]),
    mql=st.booleans(),
    stage=st.sampled_from([None, "subscriber", "lead", MQL, "salesqualifiedlead", "other"]),
    given=st.sampled_from([None, MQL]),
    refused=st.sampled_from([None, OLD, NEW]),
    gone=st.booleans(),
)


@given(contacts=st.lists(cases, max_size=6))
def test_differences_are_desired_but_not_observed_values_and_only_mqls_at_earlier_stages_move(
    module_store: Store, contacts: list[ContactCase]
) -> None:
    with rollback_transaction(module_store) as tx:
        for number, case in enumerate(contacts, 1):
            case.save(tx, number)
        numbered = list(enumerate(contacts, 1))
        refused = {number for number, case in numbered if case.refused is not None and case.refused == case.desired}
        found = differences.differences(tx, STAGE_RULE, after=0, limit=100)
        assert [(row.id, row.moves) for row in found] == [
            (number, case.moves) for number, case in numbered if (case.differs or case.moves) and number not in refused
        ]
        assert all((row.shown, row.desired, row.stage) == (OLD, contacts[row.id - 1].desired, contacts[row.id - 1].stage) for row in found)
        without_stage = differences.differences(tx, None, after=0, limit=100)
        assert [(row.id, row.moves) for row in without_stage] == [(number, False) for number, case in numbered if case.differs]
        assert differences.count_differences(tx) == sum(case.differs for case in contacts)
        assert differences.count_stage_changes(tx, STAGE_RULE) == sum(case.moves for case in contacts)
        assert {row[0] for row in differences.load_rejections(tx)} == {number for number in refused if not contacts[number - 1].gone}


def test_differences_come_a_page_at_a_time(tx: Connection) -> None:
    for number in range(1, 6):
        ContactCase().save(tx, number)
    pages = [[row.id for row in differences.differences(tx, None, after=after, limit=2)] for after in (0, 2, 4, 5)]
    assert pages == [[1, 2], [3, 4], [5], []]


class TestAcknowledged:
    """What HubSpot has said is what it shows."""

    def acknowledge(self, tx: Connection, number: int, **fields: object) -> None:
        plain = {"id": number, "shown": NEW, "stage": None, "stage_given": None, "updated_at": 20}
        differences.save_acknowledged(tx, [{**plain, **fields}])

    def test_nothing_is_left_to_do(self, tx: Connection) -> None:
        ContactCase(mql=True, stage="lead").save(tx, 1)
        self.acknowledge(tx, 1, stage=MQL, stage_given=MQL)
        assert differences.differences(tx, STAGE_RULE, after=0, limit=9) == []

    def test_a_stage_that_was_not_given_stays_as_it_was(self, tx: Connection) -> None:
        ContactCase(stage="lead", given=MQL).save(tx, 1)
        self.acknowledge(tx, 1)
        row = tx.execute(contacts.select()).one()
        assert (row.stage, row.stage_given, row.shown, row.updated_at) == ("lead", MQL, NEW, 20)

    def test_a_stage_is_set_once_even_if_a_user_resets_it(self, tx: Connection) -> None:
        ContactCase(mql=True, stage="lead").save(tx, 1)
        self.acknowledge(tx, 1, stage=MQL, stage_given=MQL)
        save_contacts(tx, 1, at=30, shown=NEW, stage="lead")
        assert differences.count_stage_changes(tx, STAGE_RULE) == 0

    def test_an_older_record_causes_no_second_write(self, tx: Connection) -> None:
        ContactCase().save(tx, 1)
        self.acknowledge(tx, 1)
        save_contacts(tx, 1, at=19, shown=OLD)
        assert differences.count_differences(tx) == 0

    def test_a_value_changed_by_a_user_is_written_again(self, tx: Connection) -> None:
        ContactCase().save(tx, 1)
        self.acknowledge(tx, 1)
        save_contacts(tx, 1, at=21, shown=canonical_json(lead_score="99"))
        assert differences.count_differences(tx) == 1

    def test_a_rejection_is_cleared_once_a_value_was_accepted(self, tx: Connection) -> None:
        ContactCase(refused=OLD).save(tx, 1)
        self.acknowledge(tx, 1)
        save_verdicts(tx, make_verdict_row(1, desired=OLD))
        assert differences.count_differences(tx) == 1


def test_what_was_refused_is_tried_again_only_when_something_else_is_desired(tx: Connection) -> None:
    ContactCase(refused=NEW).save(tx, 1)
    assert differences.count_differences(tx) == 0
    assert [tuple(row) for row in differences.load_rejections(tx)] == [(1, "no")]
    save_verdicts(tx, make_verdict_row(1, desired=canonical_json(lead_score="3")))
    assert differences.count_differences(tx) == 1
    assert differences.load_rejections(tx) == []


class VerdictFlags(NamedTuple):
    """What of a verdict makes a member."""

    mql: bool
    direct: bool
    by_score: bool
    band: str


MEMBERSHIP_RULES: dict[str, Callable[[VerdictFlags], bool]] = {
    "mql": lambda one: one.mql,
    "direct": lambda one: one.mql and one.direct,
    "by_score": lambda one: one.mql and one.by_score,
    "band:cold": lambda one: one.band == "cold",
    "band:hot": lambda one: one.band == "hot",
}


@pytest.mark.parametrize("key", MEMBERSHIP_RULES)
@pytest.mark.parametrize("place", ["out", "ours", "foreign", "announced"])
def test_a_list_is_to_hold_exactly_those_that_its_verdicts_say(tx: Connection, key: str, place: str) -> None:
    everybody = dict(enumerate(starmap(VerdictFlags, product([True, False], [True, False], [True, False], ["cold", "hot"])), 1))
    for number, judged in everybody.items():
        save_contacts(tx, number)
        save_verdicts(tx, make_verdict_row(number, **judged._asdict()))
    if place == "ours":
        differences.save_member_changes(tx, key, added=list(everybody), removed=[])
    elif place == "foreign":
        differences.replace_members(tx, key, list(everybody))
    elif place == "announced":
        differences.save_pending_members(tx, key, list(everybody))
    wanted = [number for number, judged in everybody.items() if MEMBERSHIP_RULES[key](judged)]
    others = [number for number in everybody if number not in wanted]
    assert differences.ids_to_add(tx, key) == ([] if place in {"ours", "foreign"} else wanted)
    assert differences.ids_to_remove(tx, key, keep_others=False) == ([] if place == "out" else others)
    assert differences.ids_to_remove(tx, key, keep_others=True) == ([] if place in {"out", "foreign"} else others)
    assert differences.count_to_add(tx, key) == len(differences.ids_to_add(tx, key))
    for keep in (False, True):
        assert differences.count_to_remove(tx, key, keep_others=keep) == len(differences.ids_to_remove(tx, key, keep_others=keep))


class TestMembers:
    """Who is in a list, as far as HubSpot has said."""

    @pytest.fixture
    def tx(self, tx: Connection) -> Connection:
        save_contacts(tx, 1, 2, 3)
        save_verdicts(tx, *(make_verdict_row(number, mql=True) for number in (1, 2, 3)))
        differences.save_member_changes(tx, "mql", added=[1, 2], removed=[])
        return tx

    def test_lists_are_independent(self, tx: Connection) -> None:
        assert differences.ids_to_add(tx, "mql") == [3]
        assert differences.ids_to_add(tx, "band:cold") == [1, 2, 3]

    def test_a_deleted_contact_is_removed_and_not_added(self, tx: Connection) -> None:
        contact_store.mark_deleted(tx, [1, 3])
        assert differences.ids_to_add(tx, "mql") == []
        assert differences.ids_to_remove(tx, "mql", keep_others=True) == [1]

    def test_an_observed_member_that_we_added_stays_ours(self, tx: Connection) -> None:
        differences.replace_members(tx, "mql", [2, 3, 99])
        save_verdicts(tx, *(make_verdict_row(number) for number in (1, 2, 3)))
        assert differences.ids_to_remove(tx, "mql", keep_others=True) == [2]
        assert differences.ids_to_remove(tx, "mql", keep_others=False) == [2, 3, 99]

    def test_a_member_removed_by_a_user_is_added_again(self, tx: Connection) -> None:
        differences.replace_members(tx, "mql", [2])
        assert differences.ids_to_add(tx, "mql") == [1, 3]

    def test_an_unacknowledged_member_is_ours_once_hubspot_shows_it(self, tx: Connection) -> None:
        differences.save_pending_members(tx, "mql", [3])
        differences.replace_members(tx, "mql", [1, 2, 3])
        save_verdicts(tx, *(make_verdict_row(number) for number in (1, 2, 3)))
        assert differences.ids_to_remove(tx, "mql", keep_others=True) == [1, 2, 3]

    def test_a_contact_is_shown_in_the_lists_that_hubspot_has_acknowledged(self, tx: Connection) -> None:
        differences.save_pending_members(tx, "band:cold", [1])
        assert verdicts.load_list_keys(tx, 1) == ["mql"]

    def test_a_recreated_list_has_no_members(self, tx: Connection) -> None:
        differences.save_list(tx, "mql", list_id="7", name="MQL")
        assert differences.ids_to_add(tx, "mql") == [3]
        differences.save_list(tx, "mql", list_id="8", name="MQL")
        assert differences.ids_to_add(tx, "mql") == [1, 2, 3]
        assert differences.load_list_ids(tx) == {"mql": "8"}

    @pytest.mark.parametrize("mql", [True, False])
    def test_the_survivor_of_a_merge_is_added_or_removed_regardless_of_inherited_memberships(self, tx: Connection, *, mql: bool) -> None:
        contact_store.save(tx, [make_contact_row(9, merged_ids=(1, 2))])
        save_verdicts(tx, make_verdict_row(9, mql=mql), make_verdict_row(3, mql=False))
        assert differences.ids_to_add(tx, "mql") == ([9] if mql else [])
        assert differences.ids_to_remove(tx, "mql", keep_others=True) == ([] if mql else [9])

    def test_a_foreign_membership_stays_foreign_through_a_merge(self, tx: Connection) -> None:
        differences.replace_members(tx, "mql", [1, 2, 3])
        contact_store.save(tx, [make_contact_row(9, merged_ids=(1, 3))])
        save_verdicts(tx, make_verdict_row(9))
        assert differences.ids_to_remove(tx, "mql", keep_others=True) == []
        assert differences.ids_to_remove(tx, "mql", keep_others=False) == [9]
