from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sync_worker.hubspot.records.models import Company, Contact, Event
from sync_worker.store.facts.contacts import CompanyRow, ContactRow
from sync_worker.store.schema import events
from sync_worker.sync.pull.row_mapper import IDENTITY_PROPERTIES, RowMapper, event_row
from tests.store.row_factories import canonical_json
from tests.sync.model_factories import make_crm_schema

AT = datetime(2026, 11, 20, 12, 0, 0, 123_000, tzinfo=UTC)
ROW_MAPPER = RowMapper(crm_schema=make_crm_schema())


def make_contact(**properties: str | None) -> Contact:
    return Contact(7, tuple(properties), tuple(properties.values()), AT)


def contact_row_of(contact: Contact) -> ContactRow:
    (row,) = ROW_MAPPER.contact_rows([contact])
    return row


def test_only_the_properties_that_the_model_needs_are_saved_of_a_contact() -> None:
    row = contact_row_of(make_contact(jobtitle="CTO", city="Bonn", hs_email_optout="", hs_email_click=None))
    assert row.facts == canonical_json(jobtitle="CTO")
    assert (row.id, row.updated_at) == (7, 1_795_176_000_123)


def test_null_and_an_empty_text_are_both_unknown() -> None:
    assert contact_row_of(make_contact(jobtitle=None)) == contact_row_of(make_contact(jobtitle="")) == contact_row_of(make_contact())


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
def test_emails_are_compared_in_lower_case(properties: dict[str, str | None], own: str | None, further: tuple[str, ...]) -> None:
    row = contact_row_of(make_contact(**properties))
    assert (row.email, row.additional_emails) == (own, further)


@pytest.mark.parametrize(("value", "company"), [("9001", 9001), ("9001.0", 9001), ("", None), (None, None)])
def test_the_primary_company_is_parsed_from_every_number_format(value: str | None, company: int | None) -> None:
    assert contact_row_of(make_contact(associatedcompanyid=value)).company_id == company


def test_the_ids_merged_into_a_contact_are_kept() -> None:
    assert contact_row_of(make_contact(hs_merged_object_ids="12;3")).merged_ids == (3, 12)


def test_managed_values_and_the_stage_are_not_facts() -> None:
    row = contact_row_of(make_contact(lead_score="5", lifecyclestage="lead"))
    assert '"lead_score":"5"' in row.observed
    assert (row.stage, row.facts) == ("lead", "{}")
    assert contact_row_of(make_contact(lifecyclestage="")).stage is None


def test_every_read_requests_identity_our_properties_and_those_of_the_model() -> None:
    requested = ROW_MAPPER.contact_properties
    assert set(requested) == {*IDENTITY_PROPERTIES, *make_crm_schema().property_names, *make_crm_schema().model.contact_properties}
    assert list(requested) == sorted(set(requested))
    assert ROW_MAPPER.company_properties == ("numberofemployees",)


def test_only_the_properties_that_the_model_needs_are_saved_of_a_company() -> None:
    (row,) = ROW_MAPPER.company_rows([Company(9, ("numberofemployees", "name"), ("50", "Acme"), AT)])
    assert row == CompanyRow(9, 1_795_176_000_123, canonical_json(numberofemployees="50"))


def test_an_event_row_has_every_field_that_a_model_can_use() -> None:
    row = event_row(Event(id="1", kind="email_click", at=AT, email="a@x.com", sent_at=AT - timedelta(seconds=1), filtered=True))
    assert {*row._fields} == {column.name for column in events.columns}
    assert (row.at, row.sent_at, row.filtered) == (1_795_176_000_123, 1_795_175_999_123, True)
    assert event_row(Event(id="1", kind="page_view", at=AT, contact_id=5)).sent_at is None
