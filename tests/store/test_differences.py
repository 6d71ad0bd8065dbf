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
from tests.store.database_factories import undone
from tests.store.row_factories import judge, known, person, text, verdict

MQL = "marketingqualifiedlead"
RULE = StageRule(target=MQL, earlier_stages=("subscriber", "lead"))
OLD, NEW = text(lead_score="1"), text(lead_score="2")


@dataclass(frozen=True)
class Case:
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

    def put(self, tx: Connection, number: int) -> None:
        known(tx, number, shown=OLD, stage=self.stage)
        if self.desired is not None:
            judge(tx, verdict(number, desired=self.desired, mql=self.mql))
        if self.refused is not None:
            differences.save_rejections(tx, [{"contact_id": number, "desired": self.refused, "reason": "no", "at": 1}])
        tx.execute(update(contacts).where(contacts.c.id == number).values(stage_given=self.given, gone=self.gone))


cases = st.builds(
    Case,
    desired=st.sampled_from([None, OLD, NEW]),
    mql=st.booleans(),
    stage=st.sampled_from([None, "subscriber", "lead", MQL, "salesqualifiedlead", "other"]),
    given=st.sampled_from([None, MQL]),
    refused=st.sampled_from([None, OLD, NEW]),
    gone=st.booleans(),
)


@given(contacts=st.lists(cases, max_size=6))
def test_what_differs_is_what_is_desired_and_not_shown_and_who_moves_is_an_mql_at_an_earlier_stage(
    shared: Store, contacts: list[Case]
) -> None:
    with undone(shared) as tx:
        for number, case in enumerate(contacts, 1):
            case.put(tx, number)
        numbered = list(enumerate(contacts, 1))
        refused = {number for number, case in numbered if case.refused is not None and case.refused == case.desired}
        found = differences.differences(tx, RULE, after=0, limit=100)
        assert [(row.id, row.moves) for row in found] == [
            (number, case.moves) for number, case in numbered if (case.differs or case.moves) and number not in refused
        ]
        assert all((row.shown, row.desired, row.stage) == (OLD, contacts[row.id - 1].desired, contacts[row.id - 1].stage) for row in found)
        without_stage = differences.differences(tx, None, after=0, limit=100)
        assert [(row.id, row.moves) for row in without_stage] == [(number, False) for number, case in numbered if case.differs]
        assert differences.count_differences(tx) == sum(case.differs for case in contacts)
        assert differences.count_stage_changes(tx, RULE) == sum(case.moves for case in contacts)
        assert {row[0] for row in differences.load_rejections(tx)} == {number for number in refused if not contacts[number - 1].gone}


def test_differences_come_a_page_at_a_time(tx: Connection) -> None:
    for number in range(1, 6):
        Case().put(tx, number)
    pages = [[row.id for row in differences.differences(tx, None, after=after, limit=2)] for after in (0, 2, 4, 5)]
    assert pages == [[1, 2], [3, 4], [5], []]


class TestAcknowledged:
    """What HubSpot has said is what it shows."""

    def acknowledge(self, tx: Connection, number: int, **fields: object) -> None:
        plain = {"id": number, "shown": NEW, "stage": None, "stage_given": None, "updated_at": 20}
        differences.save_acknowledged(tx, [{**plain, **fields}])

    def test_nothing_is_left_to_do(self, tx: Connection) -> None:
        Case(mql=True, stage="lead").put(tx, 1)
        self.acknowledge(tx, 1, stage=MQL, stage_given=MQL)
        assert differences.differences(tx, RULE, after=0, limit=9) == []

    def test_a_stage_that_was_not_given_stays_as_it_was(self, tx: Connection) -> None:
        Case(stage="lead", given=MQL).put(tx, 1)
        self.acknowledge(tx, 1)
        row = tx.execute(contacts.select()).one()
        assert (row.stage, row.stage_given, row.shown, row.updated_at) == ("lead", MQL, NEW, 20)

    def test_a_stage_is_given_once_even_if_somebody_takes_it_back(self, tx: Connection) -> None:
        Case(mql=True, stage="lead").put(tx, 1)
        self.acknowledge(tx, 1, stage=MQL, stage_given=MQL)
        known(tx, 1, at=30, shown=NEW, stage="lead")
        assert differences.count_stage_changes(tx, RULE) == 0

    def test_a_showing_from_before_is_no_reason_to_write_again(self, tx: Connection) -> None:
        Case().put(tx, 1)
        self.acknowledge(tx, 1)
        known(tx, 1, at=19, shown=OLD)
        assert differences.count_differences(tx) == 0

    def test_what_somebody_changed_since_is_written_again(self, tx: Connection) -> None:
        Case().put(tx, 1)
        self.acknowledge(tx, 1)
        known(tx, 1, at=21, shown=text(lead_score="99"))
        assert differences.count_differences(tx) == 1

    def test_a_refusal_is_forgotten_once_a_value_was_taken(self, tx: Connection) -> None:
        Case(refused=OLD).put(tx, 1)
        self.acknowledge(tx, 1)
        judge(tx, verdict(1, desired=OLD))
        assert differences.count_differences(tx) == 1


def test_what_was_refused_is_tried_again_only_when_something_else_is_desired(tx: Connection) -> None:
    Case(refused=NEW).put(tx, 1)
    assert differences.count_differences(tx) == 0
    assert [tuple(row) for row in differences.load_rejections(tx)] == [(1, "no")]
    judge(tx, verdict(1, desired=text(lead_score="3")))
    assert differences.count_differences(tx) == 1
    assert differences.load_rejections(tx) == []


class Judged(NamedTuple):
    """What of a verdict makes a member."""

    mql: bool
    direct: bool
    by_score: bool
    band: str


WANTED: dict[str, Callable[[Judged], bool]] = {
    "mql": lambda one: one.mql,
    "direct": lambda one: one.mql and one.direct,
    "by_score": lambda one: one.mql and one.by_score,
    "band:cold": lambda one: one.band == "cold",
    "band:hot": lambda one: one.band == "hot",
}


@pytest.mark.parametrize("key", WANTED)
@pytest.mark.parametrize("place", ["out", "ours", "foreign", "announced"])
def test_a_list_is_to_hold_exactly_those_that_its_verdicts_say(tx: Connection, key: str, place: str) -> None:
    everybody = dict(enumerate(starmap(Judged, product([True, False], [True, False], [True, False], ["cold", "hot"])), 1))
    for number, judged in everybody.items():
        known(tx, number)
        judge(tx, verdict(number, **judged._asdict()))
    if place == "ours":
        differences.save_member_changes(tx, key, added=list(everybody), removed=[])
    elif place == "foreign":
        differences.replace_members(tx, key, list(everybody))
    elif place == "announced":
        differences.save_pending_members(tx, key, list(everybody))
    wanted = [number for number, judged in everybody.items() if WANTED[key](judged)]
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
        known(tx, 1, 2, 3)
        judge(tx, *(verdict(number, mql=True) for number in (1, 2, 3)))
        differences.save_member_changes(tx, "mql", added=[1, 2], removed=[])
        return tx

    def test_lists_do_not_know_each_other(self, tx: Connection) -> None:
        assert differences.ids_to_add(tx, "mql") == [3]
        assert differences.ids_to_add(tx, "band:cold") == [1, 2, 3]

    def test_who_is_gone_leaves_and_does_not_come(self, tx: Connection) -> None:
        contact_store.mark_deleted(tx, [1, 3])
        assert differences.ids_to_add(tx, "mql") == []
        assert differences.ids_to_remove(tx, "mql", keep_others=True) == [1]

    def test_who_is_shown_in_a_list_and_was_put_there_by_us_stays_ours(self, tx: Connection) -> None:
        differences.replace_members(tx, "mql", [2, 3, 99])
        judge(tx, *(verdict(number) for number in (1, 2, 3)))
        assert differences.ids_to_remove(tx, "mql", keep_others=True) == [2]
        assert differences.ids_to_remove(tx, "mql", keep_others=False) == [2, 3, 99]

    def test_who_was_taken_out_by_somebody_is_put_back(self, tx: Connection) -> None:
        differences.replace_members(tx, "mql", [2])
        assert differences.ids_to_add(tx, "mql") == [1, 3]

    def test_who_was_sent_and_not_answered_is_ours_when_hubspot_shows_it(self, tx: Connection) -> None:
        differences.save_pending_members(tx, "mql", [3])
        differences.replace_members(tx, "mql", [1, 2, 3])
        judge(tx, *(verdict(number) for number in (1, 2, 3)))
        assert differences.ids_to_remove(tx, "mql", keep_others=True) == [1, 2, 3]

    def test_a_contact_is_shown_in_the_lists_that_hubspot_has_acknowledged(self, tx: Connection) -> None:
        differences.save_pending_members(tx, "band:cold", [1])
        assert verdicts.load_list_keys(tx, 1) == ["mql"]

    def test_a_list_that_was_made_anew_has_no_members(self, tx: Connection) -> None:
        differences.save_list(tx, "mql", list_id="7", name="MQL")
        assert differences.ids_to_add(tx, "mql") == [3]
        differences.save_list(tx, "mql", list_id="8", name="MQL")
        assert differences.ids_to_add(tx, "mql") == [1, 2, 3]
        assert differences.load_list_ids(tx) == {"mql": "8"}

    @pytest.mark.parametrize("mql", [True, False])
    def test_who_came_out_of_a_merge_is_put_in_or_taken_out_whatever_hubspot_did_with_its_places(
        self, tx: Connection, *, mql: bool
    ) -> None:
        contact_store.save(tx, [person(9, merged=(1, 2))])
        judge(tx, verdict(9, mql=mql), verdict(3, mql=False))
        assert differences.ids_to_add(tx, "mql") == ([9] if mql else [])
        assert differences.ids_to_remove(tx, "mql", keep_others=True) == ([] if mql else [9])

    def test_a_place_that_somebody_else_gave_stays_somebody_elses_through_a_merge(self, tx: Connection) -> None:
        differences.replace_members(tx, "mql", [1, 2, 3])
        contact_store.save(tx, [person(9, merged=(1, 3))])
        judge(tx, verdict(9))
        assert differences.ids_to_remove(tx, "mql", keep_others=True) == []
        assert differences.ids_to_remove(tx, "mql", keep_others=False) == [9]
