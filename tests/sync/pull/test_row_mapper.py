from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sync_worker.hubspot.records.models import Company, Contact, Event
from sync_worker.store.contacts import ContactRow
from sync_worker.store.schema import events
from sync_worker.sync.pull.row_mapper import IDENTITY_PROPERTIES, RowMapper, event_row
from tests.store.row_factories import text
from tests.sync.model_factories import outputs_of

AT = datetime(2026, 11, 20, 12, 0, 0, 123_000, tzinfo=UTC)
REMEMBERING = RowMapper(crm_schema=outputs_of())


def contact(**properties: str | None) -> Contact:
    return Contact(7, tuple(properties), tuple(properties.values()), AT)


def person_of(one: Contact) -> ContactRow:
    (person,) = REMEMBERING.contact_rows([one])
    return person


def test_of_a_contact_is_kept_what_the_model_asks_for_and_nothing_else() -> None:
    person = person_of(contact(jobtitle="CTO", city="Bonn", hs_email_optout="", hs_email_click=None))
    assert person.facts == text(jobtitle="CTO")
    assert (person.id, person.updated_at) == (7, 1_795_176_000_123)


def test_null_and_nothing_are_the_same_unknown() -> None:
    assert person_of(contact(jobtitle=None)) == person_of(contact(jobtitle="")) == person_of(contact())


@pytest.mark.parametrize(
    ("properties", "own", "further"),
    [
        ({}, None, ()),
        ({"email": "Ana@Example.com"}, "ana@example.com", ()),
        ({"email": "a@x.com", "hs_additional_emails": "B@x.com; c@x.com;;a@x.com"}, "a@x.com", ("b@x.com", "c@x.com")),
        ({"email": "", "hs_additional_emails": "b@x.com"}, None, ("b@x.com",)),
        ({"email": None, "hs_additional_emails": None}, None, ()),
    ],
)
def test_addresses_are_told_apart_by_nothing_but_their_letters(
    properties: dict[str, str | None], own: str | None, further: tuple[str, ...]
) -> None:
    person = person_of(contact(**properties))
    assert (person.email, person.additional_emails) == (own, further)


@pytest.mark.parametrize(("held", "company"), [("9001", 9001), ("9001.0", 9001), ("", None), (None, None)])
def test_the_primary_company_is_a_number_however_hubspot_writes_it(held: str | None, company: int | None) -> None:
    assert person_of(contact(associatedcompanyid=held)).company_id == company


def test_what_was_merged_into_a_contact_is_known() -> None:
    assert person_of(contact(hs_merged_object_ids="12;3")).merged_ids == (3, 12)


def test_our_own_values_and_the_stage_are_kept_apart_from_the_facts() -> None:
    person = person_of(contact(lead_score="5", lifecyclestage="lead"))
    assert '"lead_score":"5"' in person.observed
    assert (person.stage, person.facts) == ("lead", "{}")
    assert person_of(contact(lifecyclestage="")).stage is None


def test_every_reading_asks_for_who_it_is_what_we_wrote_and_what_the_model_wants() -> None:
    asked = REMEMBERING.contact_properties
    assert set(asked) == {*IDENTITY_PROPERTIES, *outputs_of().property_names, *outputs_of().model.contact_properties}
    assert list(asked) == sorted(set(asked))
    assert REMEMBERING.company_properties == ("numberofemployees",)


def test_of_a_company_is_kept_what_the_model_asks_for() -> None:
    (row,) = REMEMBERING.company_rows([Company(9, ("numberofemployees", "name"), ("50", "Acme"), AT)])
    assert row == {"id": 9, "updated_at": 1_795_176_000_123, "facts": text(numberofemployees="50")}


def test_an_event_keeps_all_that_can_be_judged() -> None:
    row = event_row(Event(id="1", kind="email_click", at=AT, email="a@x.com", sent_at=AT - timedelta(seconds=1), filtered=True))
    assert row.keys() == {column.name for column in events.columns}
    assert (row["at"], row["sent_at"], row["filtered"]) == (1_795_176_000_123, 1_795_175_999_123, True)
    assert event_row(Event(id="1", kind="page_view", at=AT, contact_id=5))["sent_at"] is None
