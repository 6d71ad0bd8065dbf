"""hubspot-api.md section 5: the lifecycle stage."""

from __future__ import annotations

import pytest

from sync_worker.sandbox.server.server import Switches
from tests.sandbox.portal_factories import CONTACTS, PortalClient, make_contact, make_portal, start_portal


def set_stage(served: PortalClient, stage: str) -> str | None:
    body = {"inputs": [{"id": "1", "properties": {"lifecyclestage": stage}}]}
    assert served.post(CONTACTS + "/batch/update", body).status_code == 200
    return served.value(1, "lifecyclestage")


@pytest.mark.parametrize(("backward", "stage"), [("ignored", "customer"), ("applied", "lead")])
def test_a_way_back_is_ignored_or_applied_by_switch(backward: str, stage: str) -> None:
    served = start_portal(make_portal([make_contact(1, lifecyclestage="customer")]), switches=Switches(backward_stage=backward))
    assert set_stage(served, "lead") == stage


def test_an_ignored_stage_moves_no_stamp_but_the_other_values_are_written() -> None:
    served = start_portal(make_portal([make_contact(1, lifecyclestage="customer")]))
    before = served.value(1, "lastmodifieddate")
    assert set_stage(served, "lead") == "customer"
    assert served.value(1, "lastmodifieddate") == before
    served.patch(f"{CONTACTS}/1", {"properties": {"lifecyclestage": "lead", "city": "Bonn"}})
    assert (served.value(1, "lifecyclestage"), served.value(1, "city")) == ("customer", "Bonn")


def test_a_way_forward_notes_when() -> None:
    served = start_portal(make_portal([make_contact(1, lifecyclestage="lead")]))
    assert set_stage(served, "marketingqualifiedlead") == "marketingqualifiedlead"
    assert served.value(1, "hs_lifecyclestage_marketingqualifiedlead_date") == "2026-11-20T12:00:00Z"
    assert served.value(1, "hs_v2_date_entered_marketingqualifiedlead") == "2026-11-20T12:00:00Z"


def test_cleared_first_any_stage_can_be_set() -> None:
    served = start_portal(make_portal([make_contact(1, lifecyclestage="customer")]))
    assert set_stage(served, "") is None
    assert set_stage(served, "subscriber") == "subscriber"


def test_the_order_is_that_of_the_portal() -> None:
    served = start_portal(make_portal([make_contact(1, lifecyclestage="customer")]))
    path = "/crm/v3/properties/contacts/lifecyclestage"
    options = served.get(path).json()["options"]
    turned = [{**option, "displayOrder": len(options) - option["displayOrder"]} for option in options]
    served.patch(path, {"options": turned})
    assert set_stage(served, "lead") == "lead"


def test_a_custom_stage_of_the_data_can_be_written() -> None:
    served = start_portal(make_portal([make_contact(1, lifecyclestage="lead"), make_contact(2, lifecyclestage="158730")]))
    assert set_stage(served, "158730") == "158730"


def test_the_stages_are_also_a_pipeline() -> None:
    pipeline = start_portal(make_portal()).get("/crm/v3/pipelines/contacts/contacts-lifecycle-pipeline").json()
    assert [stage["id"] for stage in pipeline["stages"]][:2] == ["subscriber", "lead"]
