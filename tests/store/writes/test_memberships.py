from __future__ import annotations

from collections.abc import Callable
from itertools import product, starmap
from typing import NamedTuple

import pytest
from sqlalchemy import Connection, select

from sync_worker.store import schema
from sync_worker.store.facts import contacts as contact_store
from sync_worker.store.facts import repairs
from sync_worker.store.writes import memberships
from tests.store.row_factories import make_contact_row, make_verdict_row, save_contacts, save_verdicts


class VerdictFlags(NamedTuple):
    """The fields of a verdict that decide about memberships."""

    mql: bool
    direct: bool
    by_score: bool
    band: str


MEMBERSHIP_RULES: dict[str, Callable[[VerdictFlags], bool]] = {
    "mql": lambda verdict: verdict.mql,
    "direct": lambda verdict: verdict.mql and verdict.direct,
    "by_score": lambda verdict: verdict.mql and verdict.by_score,
    "band:cold": lambda verdict: verdict.band == "cold",
    "band:hot": lambda verdict: verdict.band == "hot",
}


@pytest.mark.parametrize("key", MEMBERSHIP_RULES)
@pytest.mark.parametrize("membership", ["none", "ours", "foreign", "pending"])
def test_a_list_should_contain_exactly_the_contacts_with_its_verdict(tx: Connection, key: str, membership: str) -> None:
    verdict_flags = dict(enumerate(starmap(VerdictFlags, product([True, False], [True, False], [True, False], ["cold", "hot"])), 1))
    for number, flags in verdict_flags.items():
        save_contacts(tx, number)
        save_verdicts(tx, make_verdict_row(number, **flags._asdict()))
    if membership == "ours":
        memberships.save_changes(tx, key, added=list(verdict_flags), removed=[])
    elif membership == "foreign":
        memberships.replace(tx, key, list(verdict_flags))
    elif membership == "pending":
        memberships.save_pending(tx, key, list(verdict_flags))
    desired = [number for number, flags in verdict_flags.items() if MEMBERSHIP_RULES[key](flags)]
    others = [number for number in verdict_flags if number not in desired]
    assert memberships.ids_to_add(tx, key, now=9) == ([] if membership in {"ours", "foreign"} else desired)
    assert memberships.ids_to_remove(tx, key, keep_others=False, now=9) == ([] if membership == "none" else others)
    assert memberships.ids_to_remove(tx, key, keep_others=True, now=9) == ([] if membership in {"none", "foreign"} else others)
    assert memberships.count_to_add(tx, key, now=9) == len(memberships.ids_to_add(tx, key, now=9))
    for keep in (False, True):
        assert memberships.count_to_remove(tx, key, keep_others=keep, now=9) == len(
            memberships.ids_to_remove(tx, key, keep_others=keep, now=9)
        )


class TestMembers:
    """Members of a list that HubSpot acknowledged or returned."""

    @pytest.fixture
    def tx(self, tx: Connection) -> Connection:
        save_contacts(tx, 1, 2, 3)
        save_verdicts(tx, *(make_verdict_row(number, mql=True) for number in (1, 2, 3)))
        memberships.save_changes(tx, "mql", added=[1, 2], removed=[])
        return tx

    def test_lists_are_independent(self, tx: Connection) -> None:
        assert memberships.ids_to_add(tx, "mql", now=9) == [3]
        assert memberships.ids_to_add(tx, "band:cold", now=9) == [1, 2, 3]

    def test_a_deleted_contact_is_removed_and_not_added(self, tx: Connection) -> None:
        contact_store.mark_deleted(tx, [1, 3])
        assert memberships.ids_to_add(tx, "mql", now=9) == []
        assert memberships.ids_to_remove(tx, "mql", keep_others=True, now=9) == [1]

    def test_an_observed_member_that_we_added_stays_ours(self, tx: Connection) -> None:
        memberships.replace(tx, "mql", [2, 3, 99])
        save_verdicts(tx, *(make_verdict_row(number) for number in (1, 2, 3)))
        assert memberships.ids_to_remove(tx, "mql", keep_others=True, now=9) == [2]
        assert memberships.ids_to_remove(tx, "mql", keep_others=False, now=9) == [2, 3, 99]

    def test_a_member_removed_by_a_user_is_added_again(self, tx: Connection) -> None:
        memberships.replace(tx, "mql", [2])
        assert memberships.ids_to_add(tx, "mql", now=9) == [1, 3]

    def test_an_unacknowledged_member_is_ours_once_hubspot_shows_it(self, tx: Connection) -> None:
        memberships.save_pending(tx, "mql", [3])
        memberships.replace(tx, "mql", [1, 2, 3])
        save_verdicts(tx, *(make_verdict_row(number) for number in (1, 2, 3)))
        assert memberships.ids_to_remove(tx, "mql", keep_others=True, now=9) == [1, 2, 3]

    def test_the_lists_of_a_contact_are_those_that_hubspot_acknowledged(self, tx: Connection) -> None:
        memberships.save_pending(tx, "band:cold", [1])
        assert memberships.load_list_keys(tx, 1) == ["mql"]

    def test_a_recreated_list_has_no_members(self, tx: Connection) -> None:
        memberships.save_list(tx, "mql", list_id="7", name="MQL")
        assert memberships.ids_to_add(tx, "mql", now=9) == [3]
        memberships.save_list(tx, "mql", list_id="8", name="MQL")
        assert memberships.ids_to_add(tx, "mql", now=9) == [1, 2, 3]
        assert memberships.load_list_ids(tx) == {"mql": "8"}

    @pytest.mark.parametrize("mql", [True, False])
    def test_the_survivor_of_a_merge_is_added_or_removed_regardless_of_inherited_memberships(self, tx: Connection, *, mql: bool) -> None:
        contact_store.save(tx, [make_contact_row(9, merged_ids=(1, 2))])
        save_verdicts(tx, make_verdict_row(9, mql=mql), make_verdict_row(3, mql=False))
        assert memberships.ids_to_add(tx, "mql", now=9) == ([9] if mql else [])
        assert memberships.ids_to_remove(tx, "mql", keep_others=True, now=9) == ([] if mql else [9])

    def test_a_foreign_membership_stays_foreign_through_a_merge(self, tx: Connection) -> None:
        memberships.replace(tx, "mql", [1, 2, 3])
        contact_store.save(tx, [make_contact_row(9, merged_ids=(1, 3))])
        save_verdicts(tx, make_verdict_row(9))
        assert memberships.ids_to_remove(tx, "mql", keep_others=True, now=9) == []
        assert memberships.ids_to_remove(tx, "mql", keep_others=False, now=9) == [9]


@pytest.mark.parametrize(("exclude_repairs", "expected"), [(False, 2), (True, 1)])
def test_contacts_whose_facts_were_missing_are_counted_unless_excluded(tx: Connection, expected: int, *, exclude_repairs: bool) -> None:
    for number in (1, 2):
        save_contacts(tx, number)
        save_verdicts(tx, make_verdict_row(number, mql=True))
    repairs.add(tx, [2])
    assert memberships.count_to_add(tx, "mql", now=9, exclude_repairs=exclude_repairs) == expected
    assert memberships.count_to_add(tx, "mql", now=9) == 2


def test_a_deleted_list_takes_only_its_own_members_with_it(tx: Connection) -> None:
    save_contacts(tx, 1)
    for key in ("band:cold", "band:hot", "mql"):
        memberships.save_list(tx, key, list_id=f"id of {key}", name=key)
        memberships.save_changes(tx, key, added=[1], removed=[])
    memberships.delete_list(tx, "band:hot")
    assert memberships.load_list_keys(tx, 1) == ["band:cold", "mql"]
    assert memberships.load_list_ids(tx).keys() == {"band:cold", "mql"}


def test_what_hubspot_shows_of_some_members_of_a_list_changes_no_other_list_and_no_other_member(tx: Connection) -> None:
    save_contacts(tx, 1, 2, 3)
    memberships.replace(tx, "band:cold", [1, 2, 3])  # added by others
    for key in ("direct", "mql"):
        memberships.save_changes(tx, key, added=[1, 2, 3], removed=[])
    memberships.replace_some(tx, "direct", [1, 2], [2])
    found = {number: memberships.load_list_keys(tx, number) for number in (1, 2, 3)}
    assert found == {1: ["band:cold", "mql"], 2: ["band:cold", "direct", "mql"], 3: ["band:cold", "direct", "mql"]}
    ours = select(schema.memberships.c.ours).where(schema.memberships.c.list == "direct")
    assert tx.execute(ours).scalars().all() == [True, True]
