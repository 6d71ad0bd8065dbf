from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.errors import BadRequest
from sync_worker.hubspot.api.batch_update import BatchUpdate
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import BatchWriteResult, ContactUpdate
from sync_worker.hubspot.rest.error_responses import Conflict, InvalidRequest, parse_error_response
from tests.hubspot.fakes import FakeServer, error_body, html_response, json_response, make_record, not_found_body

UPDATE = "/crm/v3/objects/contacts/batch/update"


def make_update(id_: int, **properties: str) -> ContactUpdate:
    return ContactUpdate(id=id_, properties=properties or {"lead_score": "7"})


def rejection_body(*details: tuple[str, str]) -> dict[str, Any]:
    listed = [{"isValid": False, "message": "no", "error": code, "name": name} for name, code in details]
    return error_body(f"Property values were not valid: {json.dumps(listed)}", "VALIDATION_ERROR")


def batch_body(*rows: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"status": "COMPLETE", "results": list(rows), **more}


def test_the_values_that_hubspot_returns_are_acknowledged(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond(
        "POST", UPDATE, json_response(batch_body(make_record(2, lead_score="8"), make_record(1, lead_score="7", lifecyclestage="customer")))
    )

    written = hubspot.contacts.write([make_update(1, lead_score="7.0", lifecyclestage="lead"), make_update(2, lead_score="8")])

    assert {id_: dict(answer.properties) for id_, answer in written.acknowledged.items()} == {
        1: {"lead_score": "7", "lifecyclestage": "customer"},  # HubSpot keeps the later stage
        2: {"lead_score": "8"},
    }
    assert written == BatchWriteResult(acknowledged=written.acknowledged)
    assert server.bodies[0] == {
        "inputs": [
            {"id": "1", "properties": {"lead_score": "7.0", "lifecyclestage": "lead"}},
            {"id": "2", "properties": {"lead_score": "8"}},
        ]
    }


def test_a_lost_reply_is_requested_again(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", UPDATE, html_response(502), json_response(batch_body(make_record(1, lead_score="7"))))

    assert set(hubspot.contacts.write([make_update(1)]).acknowledged) == {1}


@pytest.mark.parametrize("status", [200, 207])
def test_errors_inside_a_success_are_errors(hubspot: HubSpot, server: FakeServer, status: int) -> None:
    server.respond(
        "POST", UPDATE, json_response(batch_body(make_record(1, lead_score="7"), numErrors=1, errors=[not_found_body("2")]), status)
    )
    server.respond("GET", "/crm/v3/objects/contacts/2", json_response(error_body("resource not found"), 404))

    written = hubspot.contacts.write([make_update(1), make_update(2)])

    assert set(written.acknowledged) == {1}
    assert set(written.rejected) == written.deleted == {2}


def test_an_omitted_id_is_looked_up(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", UPDATE, json_response(batch_body(make_record(1, lead_score="7"))))
    server.respond("GET", "/crm/v3/objects/contacts/2", json_response(make_record(70, hs_merged_object_ids="2;3")))
    server.respond("GET", "/crm/v3/objects/contacts/4", json_response(make_record(4)))

    written = hubspot.contacts.write([make_update(1), make_update(2), make_update(4)])

    assert written.merged_into == {2: 70}
    assert set(written.rejected) == {4}
    assert "did not confirm" in written.rejected[4]
    assert not written.deleted


def test_the_survivor_of_a_merge_does_not_acknowledge_the_merged_id(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", UPDATE, json_response(batch_body(make_record(70, lead_score="7"))))
    server.respond("GET", "/crm/v3/objects/contacts/2", json_response(make_record(70)))

    written = hubspot.contacts.write([make_update(2)])

    assert written.merged_into == {2: 70}
    assert not written.acknowledged


def test_a_missing_property_stops_the_run_with_a_hint(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", UPDATE, json_response(rejection_body(("lead_score", "PROPERTY_DOESNT_EXIST")), 400))

    with pytest.raises(BadRequest, match="sync-worker setup") as caught:
        hubspot.contacts.write([make_update(id_) for id_ in range(1, 101)])

    assert "lead_score: PROPERTY_DOESNT_EXIST" in str(caught.value)
    assert len(server.paths) == 1


def test_a_request_level_error_is_not_bisected(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", UPDATE, json_response(error_body("Invalid input JSON on line 1, column 1: ..."), 400))

    with pytest.raises(BadRequest):
        hubspot.contacts.write([make_update(1), make_update(2)])

    assert len(server.paths) == 1


@pytest.mark.parametrize("updates", [[make_update(1), make_update(1)], [make_update(id_) for id_ in range(101)]])
def test_too_many_updates_raise_a_value_error(hubspot: HubSpot, updates: list[ContactUpdate]) -> None:
    with pytest.raises(ValueError, match="a batch"):
        hubspot.contacts.write(updates)


class FakePortal:
    """A double of HubSpot with invalid values, merged and deleted contacts."""

    def __init__(self, *, bad: set[str], merged: dict[int, int], deleted: set[int]) -> None:
        self.bad, self.merged, self.deleted = bad, merged, deleted
        self.values: dict[int, str] = {}
        self.requests = 0

    def send(self, updates: list[ContactUpdate]) -> dict[str, Any]:
        self.requests += 1
        assert 0 < len(updates) <= 100
        ends = [self.merged.get(each.id, each.id) for each in updates]
        if len(set(ends)) < len(ends):
            raise Conflict(parse_error_response(409, b"{}"))
        if any(each.properties["band"] in self.bad for each in updates):
            raise InvalidRequest(parse_error_response(400, json.dumps(rejection_body(("band", "INVALID_OPTION"))).encode()))
        there = [each for each in updates if each.id not in self.deleted and each.id not in self.merged]
        self.values |= {each.id: each.properties["band"] for each in there}
        return batch_body(*[make_record(each.id, band=each.properties["band"]) for each in reversed(there)])

    def resolve_id(self, id_: int) -> int | None:
        return None if id_ in self.deleted else self.merged.get(id_, id_)


@given(
    values=st.dictionaries(st.integers(1, 200), st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=100),
    bad=st.sets(st.sampled_from(["a", "b", "c", "d"])),
    merged=st.dictionaries(st.integers(1, 200), st.integers(201, 203), max_size=10),
    deleted=st.sets(st.integers(1, 200), max_size=10),
)
@settings(max_examples=60, deadline=None)
def test_every_id_has_a_result_and_valid_updates_are_written(
    values: dict[int, str], bad: set[str], merged: dict[int, int], deleted: set[int]
) -> None:
    portal = FakePortal(bad=bad, merged=merged, deleted=deleted - merged.keys())

    written = BatchUpdate(
        [make_update(id_, band=value) for id_, value in values.items()], send=portal.send, resolve_id=portal.resolve_id
    ).execute()

    ends = [set(written.acknowledged), set(written.rejected), set(written.merged_into)]
    assert set().union(*ends) == set(values)
    assert sum(map(len, ends)) == len(values)
    assert written.deleted <= set(written.rejected)
    good = {id_ for id_, value in values.items() if value not in bad}
    assert set(written.acknowledged) == set(portal.values) == good - merged.keys() - deleted
    assert set(written.merged_into) == {id_ for id_ in good if id_ in merged}


def test_one_invalid_value_costs_few_requests_and_blocks_no_other_contact() -> None:
    portal = FakePortal(bad={"gone"}, merged={}, deleted=set())
    updates = [make_update(id_, band="gone" if id_ == 42 else "fit") for id_ in range(1, 101)]

    written = BatchUpdate(updates, send=portal.send, resolve_id=portal.resolve_id).execute()

    assert written.rejected == {42: "band: INVALID_OPTION"}
    assert len(written.acknowledged) == 99
    assert portal.requests <= 2 * 7 + 1


class RecordingPortal(FakePortal):
    """Accepts all properties except an invalid band, and records their names."""

    def send(self, updates: list[ContactUpdate]) -> dict[str, Any]:
        self.requests += 1
        if any(each.properties.get("band") in self.bad for each in updates):
            raise InvalidRequest(parse_error_response(400, json.dumps(rejection_body(("band", "INVALID_OPTION"))).encode()))
        self.values |= {each.id: " ".join(each.properties) for each in updates}
        return batch_body(*[make_record(each.id, **each.properties) for each in updates])


def test_an_invalid_value_is_sent_once_and_the_other_values_are_written() -> None:
    portal = RecordingPortal(bad={"gone"}, merged={}, deleted=set())
    updates = [make_update(id_, band="gone" if id_ % 2 else "fit", score=str(id_)) for id_ in range(1, 101)]

    written = BatchUpdate(updates, send=portal.send, resolve_id=portal.resolve_id).execute()

    assert portal.values == {id_: "score" if id_ % 2 else "band score" for id_ in range(1, 101)}
    refusal = {"band": "band: INVALID_OPTION"}
    assert {id_ for id_, answer in written.acknowledged.items() if answer.rejected_properties == refusal} == set(range(1, 101, 2))
    assert not written.rejected
    assert portal.requests <= 2 * 7 + 1


def test_a_rejected_value_is_not_sent_again() -> None:
    portal = FakePortal(bad={"gone"}, merged={}, deleted=set())
    updates = [make_update(id_, band="gone" if id_ % 2 else "fit") for id_ in range(1, 101)]

    written = BatchUpdate(updates, send=portal.send, resolve_id=portal.resolve_id).execute()

    assert len(written.rejected) == len(written.acknowledged) == 50
    assert portal.requests <= 2 * 7 + 1
