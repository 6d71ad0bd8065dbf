from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, update

from sync_worker.store.database import Store
from sync_worker.store.schema import contacts
from sync_worker.store.writes import differences, held_back, rejections
from sync_worker.store.writes.differences import AcknowledgedContact, StageRule
from sync_worker.store.writes.rejections import PROPERTIES, Rejection
from tests.store.database_factories import rollback_transaction
from tests.store.row_factories import canonical_json, make_verdict_row, save_contacts, save_verdicts

MQL = "marketingqualifiedlead"
STAGE_RULE = StageRule(target=MQL, earlier_stages=("subscriber", "lead"))
NOW = 100
OLD, NEW = canonical_json(lead_score="1"), canonical_json(lead_score="2")


@dataclass(frozen=True)
class ContactCase:
    """A possible state of a contact."""

    desired: str | None = NEW  # None: not evaluated
    mql: bool = False
    stage: str | None = None
    stage_given: str | None = None
    rejected: str | None = None
    deleted: bool = False

    @property
    def differs(self) -> bool:
        return self.desired == NEW and self.rejected != NEW and not self.deleted

    @property
    def stage_changes(self) -> bool:
        is_before = self.stage in (None, "subscriber", "lead") and self.stage_given != MQL
        return self.desired is not None and self.mql and is_before and not self.deleted

    def save(self, tx: Connection, number: int) -> None:
        save_contacts(tx, number, shown=OLD, stage=self.stage)
        if self.desired is not None:
            save_verdicts(tx, make_verdict_row(number, desired=self.desired, mql=self.mql))
        if self.rejected is not None:
            rejections.save(tx, [Rejection(number, PROPERTIES, self.rejected, "no", max_tries=1)], at=1)
        tx.execute(update(contacts).where(contacts.c.id == number).values(stage_given=self.stage_given, gone=self.deleted))


cases = st.builds(
    ContactCase,
    desired=st.sampled_from([None, OLD, NEW]),
    mql=st.booleans(),
    stage=st.sampled_from([None, "subscriber", "lead", MQL, "salesqualifiedlead", "other"]),
    stage_given=st.sampled_from([None, MQL]),
    rejected=st.sampled_from([None, OLD, NEW]),
    deleted=st.booleans(),
)


@given(contacts=st.lists(cases, max_size=6))
def test_differences_are_desired_but_not_observed_values_and_only_mqls_at_earlier_stages_move(
    module_store: Store, contacts: list[ContactCase]
) -> None:
    with rollback_transaction(module_store) as tx:
        for number, case in enumerate(contacts, 1):
            case.save(tx, number)
        numbered = list(enumerate(contacts, 1))
        found = differences.load(tx, STAGE_RULE, now=NOW, after=0, limit=100)
        assert [(row.id, row.properties_change, row.stage_changes) for row in found] == [
            (number, case.differs, case.stage_changes) for number, case in numbered if case.differs or case.stage_changes
        ]
        for row in found:
            assert (row.observed, row.desired, row.stage) == (OLD, contacts[row.id - 1].desired, contacts[row.id - 1].stage)
        without_stage = differences.load(tx, None, now=NOW, after=0, limit=100)
        assert [(row.id, row.stage_changes) for row in without_stage] == [(number, False) for number, case in numbered if case.differs]
        assert differences.count(tx) == sum(case.differs for case in contacts)
        assert differences.count_stage_changes(tx, STAGE_RULE) == sum(case.stage_changes for case in contacts)
        held = {number for number, case in numbered if case.rejected == case.desired == NEW and not case.deleted}
        assert held_back.load(tx, STAGE_RULE, ()).contacts == len(held)
        assert {id_ for id_, _ in held_back.load_contacts(tx, STAGE_RULE, ())} == held


def test_differences_are_paged(tx: Connection) -> None:
    for number in range(1, 6):
        ContactCase().save(tx, number)
    pages = [[row.id for row in differences.load(tx, None, now=NOW, after=after, limit=2)] for after in (0, 2, 4, 5)]
    assert pages == [[1, 2], [3, 4], [5], []]


class TestAcknowledged:
    """Acknowledged values count as observed."""

    def acknowledge(self, tx: Connection, number: int, **fields: str) -> None:
        plain = AcknowledgedContact(id=number, observed=NEW, stage=None, stage_given=None, updated_at=20)
        differences.save_acknowledged(tx, [plain._replace(**fields)])

    def test_no_difference_is_left(self, tx: Connection) -> None:
        ContactCase(mql=True, stage="lead").save(tx, 1)
        self.acknowledge(tx, 1, stage=MQL, stage_given=MQL)
        assert differences.load(tx, STAGE_RULE, now=NOW, after=0, limit=9) == []

    def test_a_stage_that_was_not_set_is_unchanged(self, tx: Connection) -> None:
        ContactCase(stage="lead", stage_given=MQL).save(tx, 1)
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
        assert differences.count(tx) == 0

    def test_a_value_changed_by_a_user_is_written_again(self, tx: Connection) -> None:
        ContactCase().save(tx, 1)
        self.acknowledge(tx, 1)
        save_contacts(tx, 1, at=21, shown=canonical_json(lead_score="99"))
        assert differences.count(tx) == 1


@pytest.mark.parametrize(("shown", "rejected", "is_retry"), [
    (OLD, NEW, True),
    (OLD, canonical_json(lead_score="1"), False),  # other values were rejected, and the contact has values of ours
    (OLD, canonical_json(lead_score="3"), False),
    ("{}", canonical_json(lead_score="1"), True),  # the contact has none yet
    (OLD, None, False),
    ("{}", None, False),
])  # fmt: skip
def test_a_difference_is_a_retry_if_these_values_were_rejected_or_any_first_ones(
    tx: Connection, shown: str, rejected: str | None, *, is_retry: bool
) -> None:
    save_contacts(tx, 1, shown=shown)
    save_verdicts(tx, make_verdict_row(1, desired=NEW))
    if rejected is not None:
        rejections.save(tx, [Rejection(1, PROPERTIES, rejected, "no")], at=1)
    (found,) = differences.load(tx, None, now=NOW, after=0, limit=9)
    assert bool(found.is_retry) is is_retry


def test_a_counted_contact_is_excluded_and_another_with_the_same_revision_is_not(tx: Connection) -> None:
    for number in (1, 2):
        ContactCase().save(tx, number)
    differences.mark_previewed(tx, [1])
    found = differences.load(tx, None, now=NOW, after=0, limit=9, exclude_counted=True)
    assert [row.id for row in found] == [2]
    save_contacts(tx, 1, at=20, facts=canonical_json(city="Oslo"), shown=OLD)  # its facts change
    found = differences.load(tx, None, now=NOW, after=0, limit=9, exclude_counted=True)
    assert [row.id for row in found] == [1, 2]
