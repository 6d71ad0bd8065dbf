"""Lifecycle stages; hubspot-api.md section 5."""

from __future__ import annotations

import pytest

from sync_worker.sandbox.server.server import Switches
from tests.sandbox.portal_factories import CONTACTS, PortalClient, make_contact, make_portal, start_portal


def set_stage(client: PortalClient, stage: str) -> str | None:
    body = {"inputs": [{"id": "1", "properties": {"lifecyclestage": stage}}]}
    assert client.post(CONTACTS + "/batch/update", body).status_code == 200
    return client.value(1, "lifecyclestage")


@pytest.mark.parametrize(("backward", "stage"), [("ignored", "customer"), ("applied", "lead")])
def test_a_backward_move_is_ignored_or_applied_by_switch(backward: str, stage: str) -> None:
    client = start_portal(make_portal([make_contact(1, lifecyclestage="customer")]), switches=Switches(backward_stage=backward))
    assert set_stage(client, "lead") == stage


def test_an_ignored_stage_changes_no_timestamp_but_other_values_are_written() -> None:
    client = start_portal(make_portal([make_contact(1, lifecyclestage="customer")]))
    before = client.value(1, "lastmodifieddate")
    assert set_stage(client, "lead") == "customer"
    assert client.value(1, "lastmodifieddate") == before
    client.patch(f"{CONTACTS}/1", {"properties": {"lifecyclestage": "lead", "city": "Bonn"}})
    assert (client.value(1, "lifecyclestage"), client.value(1, "city")) == ("customer", "Bonn")


def test_a_forward_move_sets_the_dates_of_the_stage() -> None:
    client = start_portal(make_portal([make_contact(1, lifecyclestage="lead")]))
    assert set_stage(client, "marketingqualifiedlead") == "marketingqualifiedlead"
    assert client.value(1, "hs_lifecyclestage_marketingqualifiedlead_date") == "2026-11-20T12:00:00Z"
    assert client.value(1, "hs_v2_date_entered_marketingqualifiedlead") == "2026-11-20T12:00:00Z"


def test_after_clearing_any_stage_can_be_set() -> None:
    client = start_portal(make_portal([make_contact(1, lifecyclestage="customer")]))
    assert set_stage(client, "") is None
    assert set_stage(client, "subscriber") == "subscriber"


def test_the_portal_defines_the_order_of_stages() -> None:
    client = start_portal(make_portal([make_contact(1, lifecyclestage="customer")]))
    path = "/crm/v3/properties/contacts/lifecyclestage"
    options = client.get(path).json()["options"]
    reversed_options = [{**option, "displayOrder": len(options) - option["displayOrder"]} for option in options]
    client.patch(path, {"options": reversed_options})
    assert set_stage(client, "lead") == "lead"


def test_a_custom_stage_of_the_data_can_be_written() -> None:
    client = start_portal(make_portal([make_contact(1, lifecyclestage="lead"), make_contact(2, lifecyclestage="158730")]))
    assert set_stage(client, "158730") == "158730"


def test_the_stages_are_also_a_pipeline() -> None:
    pipeline = start_portal(make_portal()).get("/crm/v3/pipelines/contacts/contacts-lifecycle-pipeline").json()
    assert [stage["id"] for stage in pipeline["stages"]][:2] == ["subscriber", "lead"]
