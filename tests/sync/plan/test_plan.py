from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.store.database import Store
from sync_worker.store.writes import differences
from sync_worker.sync.plan import plan
from sync_worker.sync.plan.plan import (
    Consequence,
    ContactChange,
    Scope,
    build_stage_rule,
    contact_changes,
    count_list_changes,
    find_consequence,
    list_changes,
)
from sync_worker.sync.plan.plan_summary import PlanSummary
from tests.harness import MQL, NOW
from tests.store.database_factories import temporary_store
from tests.store.row_factories import canonical_json, make_verdict_row, save_contacts, save_verdicts
from tests.sync.model_factories import make_crm_schema

DEFAULT = ("subscriber", "lead", MQL, "salesqualifiedlead", "opportunity", "customer", "evangelist", "other")


@pytest.fixture
def store() -> Iterator[Store]:
    with temporary_store() as store:
        yield store


@pytest.mark.parametrize(
    ("stages", "earlier"),
    [
        (DEFAULT, ("subscriber", "lead")),
        (("lead", "subscriber", MQL), ("lead", "subscriber")),
        # In this portal, leads are after MQLs: no contact is moved backward.
        (("subscriber", MQL, "lead", "customer"), ("subscriber",)),
        ((MQL, "subscriber", "lead"), ()),
        # Custom stages were set by a user, before or after MQL.
        (("subscriber", "11223344", "lead", "55667788", MQL), ("subscriber", "lead")),
    ],
)
def test_only_stages_before_mql_in_the_order_of_the_portal_may_move(stages: tuple[str, ...], earlier: tuple[str, ...]) -> None:
    rule = build_stage_rule(stages)
    assert rule is not None
    assert (rule.target, rule.earlier_stages) == (MQL, earlier)


@pytest.mark.parametrize("stages", [(), ("subscriber", "lead", "customer")])
def test_without_the_stage_no_contact_is_moved(stages: tuple[str, ...]) -> None:
    assert build_stage_rule(stages) is None


def make_scope(*, approved: bool) -> Scope:
    return Scope(crm_schema=make_crm_schema(), now=NOW, stage_rule=build_stage_rule(DEFAULT), approved=approved)


def save_mqls(
    store: Store, *numbers: int, shown: str = canonical_json(lead_score="1"), desired: str = canonical_json(lead_score="2")
) -> None:
    with store.transaction() as tx:
        save_contacts(tx, *numbers, shown=shown, stage="lead")
        save_verdicts(tx, *(make_verdict_row(number, desired=desired, mql=True, band="hot") for number in numbers))


def test_a_change_has_the_observed_and_the_desired_value(store: Store) -> None:
    save_mqls(store, 1, shown=canonical_json(lead_score="1", lead_grade="C"), desired=canonical_json(lead_score="2", lead_grade="C"))
    (change,) = contact_changes(store, make_scope(approved=True))
    assert change.properties == {"lead_score": ("1", "2"), "lifecyclestage": ("lead", MQL)}
    assert change.values == {"lead_score": "2", "lifecyclestage": MQL}
    assert change.new_stage == MQL


def test_without_approval_no_stage_is_in_the_plan(store: Store) -> None:
    save_mqls(store, 1)
    save_mqls(store, 2, shown=canonical_json(lead_score="2"))
    (change,) = contact_changes(store, make_scope(approved=False))
    assert (change.id, change.values, change.new_stage) == (1, {"lead_score": "2"}, None)


def test_changes_are_sorted_by_id_across_pages(store: Store) -> None:
    numbers = range(1, plan.PAGE_SIZE + 3)
    with store.transaction() as tx:
        save_contacts(tx, *numbers)
        tx.exec_driver_sql(
            "INSERT INTO verdicts (contact_id, revision, model, evaluated_at, score, band, grade, mql, by_score, direct, desired) "
            "SELECT id, 1, 'm', 1, 0, 'cold', 'D', FALSE, FALSE, FALSE, '{\"lead_score\":\"2\"}' FROM contacts"
        )
    assert [change.id for change in contact_changes(store, make_scope(approved=True))] == list(numbers)


def test_contacts_counted_before_are_excluded_only_on_request(store: Store) -> None:
    with store.transaction() as tx:
        save_contacts(tx, 1, 2, shown=canonical_json(lead_score="1"))
        save_verdicts(tx, *(make_verdict_row(number, desired=canonical_json(lead_score="2")) for number in (1, 2)))
        differences.mark_previewed(tx, [1])
    assert [change.id for change in contact_changes(store, make_scope(approved=False))] == [1, 2]
    assert [change.id for change in contact_changes(store, make_scope(approved=False), exclude_counted=True)] == [2]


def test_a_list_without_changes_is_omitted(store: Store) -> None:
    save_mqls(store, 1, 2)
    assert [
        (change.key, change.name, list(change.add), list(change.remove)) for change in list_changes(store, make_scope(approved=False))
    ] == [
        ("mql", "MQL", [1, 2], []),
        ("band:hot", "Leads · hot", [1, 2], []),
    ]
    assert count_list_changes(store, make_scope(approved=False)) == {"MQL": {"add": 2, "remove": 0}, "Leads · hot": {"add": 2, "remove": 0}}


def test_a_summary_counts_all_changes_and_shows_the_first(store: Store) -> None:
    save_mqls(store, *range(1, 31))
    summary = PlanSummary()
    for change in contact_changes(store, make_scope(approved=True)):
        summary.add_contact_change(change)
    for each in list_changes(store, make_scope(approved=True)):
        summary.add_list_change(each)
    plan_json = summary.as_json()
    assert (plan_json["contacts"], plan_json["stages"], plan_json["properties"]) == (30, 30, {"lead_score": 30, "lifecyclestage": 30})
    assert plan_json["lists"] == {"MQL": {"add": 30, "remove": 0}, "Leads · hot": {"add": 30, "remove": 0}}
    assert [sample["id"] for sample in plan_json["samples"]] == [str(number) for number in range(1, 21)]
    assert plan_json["samples"][0]["changes"]["lifecyclestage"] == {"from": "lead", "to": MQL}


@given(changes=st.lists(st.sampled_from(Consequence), max_size=300))
def test_the_samples_are_the_gravest_changes(changes: list[Consequence]) -> None:
    summary = PlanSummary()
    for number, consequence in enumerate(changes):
        summary.add_contact_change(ContactChange(id=number, properties={}, desired="{}", consequence=consequence))
    expected = sorted((kind, number) for number, kind in enumerate(changes) if kind is not Consequence.MODEL_NAME)
    assert [(change.consequence, change.id) for change in summary.samples] == expected[:20]
    assert summary.consequences.total() == summary.contacts == len(changes)


@pytest.mark.parametrize(
    ("properties", "new_mql", "expected"),
    [
        (("lead_score", "lead_mql_reason"), True, Consequence.NEW_MQL),
        (("lead_score", "lifecyclestage"), False, Consequence.STAGE),
        (("lead_score", "lead_mql_reason"), False, Consequence.MQL_LOST),
        (("lead_grade", "lead_score_band"), False, Consequence.BAND),
        (("lead_grade", "lead_score"), False, Consequence.GRADE),
        (("lead_score", "lead_score_model"), False, Consequence.SCORE),
        (("lead_score_reasons", "lead_score_model"), False, Consequence.OTHER),
        (("lead_score_model",), False, Consequence.MODEL_NAME),
    ],
)
def test_a_change_has_its_gravest_consequence(properties: tuple[str, ...], new_mql: bool, expected: Consequence) -> None:  # noqa: FBT001
    assert find_consequence(dict.fromkeys(properties, ("a", "b")), "lead", new_mql=new_mql) is expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [(("", "1795"), Consequence.NEW_MQL), (("1795", ""), Consequence.STAGE), (("1795", "1796"), Consequence.STAGE)],
)
def test_a_contact_that_becomes_an_mql_with_the_approval_is_a_new_one(values: tuple[str, str], expected: Consequence) -> None:
    changes = {"lead_mql_since": values, "lifecyclestage": ("lead", "marketingqualifiedlead")}
    assert find_consequence(changes, "lead", new_mql=False) is expected


def test_a_contact_that_is_excluded_hides_no_other_contact(store: Store) -> None:
    with store.transaction() as tx:
        save_contacts(tx, 1, 2, 3)
        save_verdicts(tx, *(make_verdict_row(number, desired=canonical_json(lead_score="7")) for number in (1, 2, 3)))
    scope = make_scope(approved=True)
    assert [change.id for change in contact_changes(store, scope, exclude_ids={1})] == [2, 3]
    assert [change.id for change in contact_changes(store, scope, only_ids=[1, 3])] == [1, 3]


def test_a_plan_starts_without_mqls() -> None:
    assert (PlanSummary().new_mqls, PlanSummary().unexpected_mqls) == (0, 0)
