"""The meaning of HubSpot's reply to the change of one contact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from sync_worker.hubspot.api.crm.contacts import Contacts
from sync_worker.hubspot.api.crm.write_session import WriteSession
from sync_worker.hubspot.records.models import BatchReadResult, BatchWriteResult, Contact, ContactUpdate, WriteAck
from sync_worker.store.writes.rejections import PROPERTIES, STAGE, Rejection
from sync_worker.sync.apply.contact_batch import write_batch
from sync_worker.sync.apply.contact_results import ALTERED_REASON, ALTERED_TRIES, build_result
from sync_worker.sync.plan.plan import STAGE_PROPERTY, ContactChange
from tests.store.row_factories import canonical_json
from tests.sync.model_factories import make_crm_schema

READ_AT, WRITTEN_AT = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 20, 12, 1, tzinfo=UTC)
SCORE, SCORE_AND_STAGE = {"lead_score": ("10", "20")}, {"lead_score": ("10", "20"), STAGE_PROPERTY: ("lead", "marketingqualifiedlead")}


class CustomerContacts:
    """A portal in which each contact is a customer by now."""

    def read(self, ids: Iterable[int], properties: Sequence[str]) -> BatchReadResult[Contact]:
        items = tuple(Contact(id_, tuple(properties), ("customer",), READ_AT) for id_ in ids)
        return BatchReadResult(items=items, missing=frozenset())

    def write(self, updates: Sequence[ContactUpdate], _session: WriteSession) -> BatchWriteResult:
        return BatchWriteResult(
            acknowledged={each.id: WriteAck(properties=dict(each.properties), updated_at=WRITTEN_AT) for each in updates}
        )


def make_change(properties: Mapping[str, tuple[str, str]], id_: int = 7) -> ContactChange:
    return ContactChange(id=id_, properties=properties, desired=canonical_json(lead_score="20"))


def test_the_stage_of_a_contact_that_a_user_has_moved_is_kept_and_its_score_is_written() -> None:
    stage_only = {STAGE_PROPERTY: SCORE_AND_STAGE[STAGE_PROPERTY]}
    changes = [make_change(SCORE_AND_STAGE, 7), make_change(stage_only, 8)]
    batch = write_batch(cast("Contacts", CustomerContacts()), changes, WriteSession())
    assert batch.kept_stages == {7: "customer", 8: "customer"}
    assert batch.result.acknowledged == {
        7: WriteAck(properties={"lead_score": "20"}, updated_at=WRITTEN_AT),
        8: WriteAck(properties={}, updated_at=READ_AT),
    }


def test_the_answer_to_a_kept_stage_is_not_that_to_the_score() -> None:
    ack = WriteAck(properties={"lead_score": "20"}, updated_at=WRITTEN_AT)
    result = build_result(make_crm_schema(), make_change(SCORE_AND_STAGE), ack, {}, kept_stage="customer")
    score, stage = result.answers["lead_score"], result.answers[STAGE_PROPERTY]
    assert (score, stage and stage.shown) == (None, "customer")
    assert (result.accepted_parts, result.rejections) == ([PROPERTIES, STAGE], [])


def test_a_value_that_hubspot_accepts_and_alters_is_sent_twice_at_most() -> None:
    ack = WriteAck(properties={"lead_score": "19"}, updated_at=WRITTEN_AT)
    change = make_change(SCORE)
    result = build_result(make_crm_schema(), change, ack, {})
    assert result.rejections == [Rejection(7, PROPERTIES, change.desired, ALTERED_REASON, max_tries=ALTERED_TRIES)]
    assert result.retry is None
