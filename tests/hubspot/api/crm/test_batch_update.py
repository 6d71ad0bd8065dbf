from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.errors import BadRequest, Unavailable
from sync_worker.hubspot.api.crm.batch_update import BatchUpdate
from sync_worker.hubspot.api.crm.rejection_causes import LOCKED, UNCONFIRMED
from sync_worker.hubspot.api.crm.write_session import MAX_LOCKED_BATCHES, SPARE_CALLS, WriteSession
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import BatchReadResult, BatchWriteResult, CauseKind, Contact, ContactUpdate, RejectionCause
from sync_worker.hubspot.rest.error_responses import Conflict, InvalidRequest, Locked, MissingScope, parse_error_response
from sync_worker.hubspot.rest.error_translation import translate_error
from tests.hubspot.fakes import FakeResponse, FakeServer, error_body, html_response, json_response, make_record, not_found_body

UPDATE = "/crm/v3/objects/contacts/batch/update"
READ = "/crm/v3/objects/contacts/batch/read"
INVALID_BAND = RejectionCause(kind=CauseKind.VALUE, reason="band: INVALID_OPTION")


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
            {"id": "1", "properties": {"lead_score": "7.0", "lifecyclestage": "lead"}, "objectWriteTraceId": "1"},
            {"id": "2", "properties": {"lead_score": "8"}, "objectWriteTraceId": "2"},
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
    server.respond("POST", READ, json_response(batch_body(errors=[not_found_body("2")])))

    written = hubspot.contacts.write([make_update(1), make_update(2)])

    assert written == BatchWriteResult(acknowledged=written.acknowledged, deleted=frozenset({2}))
    assert set(written.acknowledged) == {1}


def test_an_omitted_id_is_looked_up(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", UPDATE, json_response(batch_body(make_record(1, lead_score="7"))))
    server.respond("POST", READ, json_response(batch_body(make_record(70, hs_merged_object_ids="2;3"), make_record(4))))

    written = hubspot.contacts.write([make_update(1), make_update(2), make_update(4)])

    assert written.merged_into == {2: 70}
    assert written.rejected == {4: {"lead_score": UNCONFIRMED}}
    assert not written.deleted
    assert len(server.paths) == 2  # one call for all omitted ids


@pytest.mark.parametrize(
    "reply",
    [
        None,
        [],
        {},
        {"results": None},
        {"results": [None, {"id": "x"}, {"id": "1", "properties": None}, {"id": "1", "properties": {}, "updatedAt": "now"}]},
        {"results": [], "errors": ["boom"]},
        {"results": [], "errors": {"status": "error"}},
    ],
)
def test_a_success_whose_reply_cannot_be_read_confirms_nothing(hubspot: HubSpot, server: FakeServer, reply: object) -> None:
    server.respond("POST", UPDATE, json_response(reply))
    server.respond("POST", READ, json_response(batch_body(make_record(1))))

    assert hubspot.contacts.write([make_update(1)]).rejected == {1: {"lead_score": UNCONFIRMED}}


def test_numbers_in_the_reply_are_values(hubspot: HubSpot, server: FakeServer) -> None:
    row = make_record(1) | {"properties": {"lead_score": 7, "lead_grade": []}, "updatedAt": 1_770_000_000_000}
    server.respond("POST", UPDATE, json_response(batch_body(row)))

    assert hubspot.contacts.write([make_update(1, lead_score="7", lead_grade="C")]).acknowledged[1].properties == {"lead_score": "7"}


def test_the_survivor_of_a_merge_does_not_acknowledge_the_merged_id(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", UPDATE, json_response(batch_body(make_record(70, lead_score="7"))))
    server.respond("POST", READ, json_response(batch_body(make_record(70, hs_merged_object_ids="2"))))

    written = hubspot.contacts.write([make_update(2)])

    assert written.merged_into == {2: 70}
    assert not written.acknowledged


def test_a_missing_property_stops_the_run_with_a_hint(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", UPDATE, json_response(rejection_body(("lead_score", "PROPERTY_DOESNT_EXIST")), 400))

    with pytest.raises(BadRequest, match="sync-worker setup") as caught:
        hubspot.contacts.write([make_update(id_) for id_ in range(1, 101)])

    assert "lead_score: PROPERTY_DOESNT_EXIST" in str(caught.value)
    assert len(server.paths) == 1


def test_a_missing_scope_stops_the_run(hubspot: HubSpot, server: FakeServer) -> None:
    scopes = [{"message": "scopes", "context": {"requiredGranularScopes": ["crm.objects.contacts.write"]}}]
    server.respond("POST", UPDATE, json_response(error_body("This app lacks scopes.", "MISSING_SCOPES", errors=scopes), 403))

    with pytest.raises(MissingScope):
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
        self.lookups = 0

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

    def find(self, ids: Iterable[int]) -> BatchReadResult[Contact]:
        self.lookups += 1
        merged = {id_: self.merged[id_] for id_ in ids if id_ in self.merged}
        return BatchReadResult(items=(), missing=frozenset(ids) & self.deleted, merged_into=merged)


def write(portal: FakePortal, updates: Sequence[ContactUpdate], session: WriteSession | None = None) -> BatchWriteResult:
    return BatchUpdate(updates, send=portal.send, find=portal.find, session=session or WriteSession()).execute()


class GenerousSession(WriteSession):
    """A session without a limit."""

    def take(self, calls: int) -> bool:
        return calls > 0


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

    written = write(portal, [make_update(id_, band=value) for id_, value in values.items()], GenerousSession())

    ends = [set(written.acknowledged), set(written.rejected), set(written.merged_into), set(written.deleted)]
    assert set().union(*ends) == set(values)
    assert sum(map(len, ends)) == len(values)
    good = {id_ for id_, value in values.items() if value not in bad}
    assert set(written.acknowledged) == set(portal.values) == good - merged.keys() - deleted
    assert set(written.merged_into) == {id_ for id_ in good if id_ in merged}


def test_one_invalid_value_costs_few_requests_and_blocks_no_other_contact() -> None:
    portal = FakePortal(bad={"gone"}, merged={}, deleted=set())
    updates = [make_update(id_, band="gone" if id_ == 42 else "fit") for id_ in range(1, 101)]

    written = write(portal, updates)

    assert written.rejected == {42: {"band": INVALID_BAND}}
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

    written = write(portal, updates)

    assert portal.values == {id_: "score" if id_ % 2 else "band score" for id_ in range(1, 101)}
    assert len(written.acknowledged) == 100
    assert written.rejected == {id_: {"band": INVALID_BAND} for id_ in range(1, 101, 2)}
    assert portal.requests <= 2 * 7 + 1


def test_a_rejected_value_is_not_sent_again() -> None:
    portal = FakePortal(bad={"gone"}, merged={}, deleted=set())
    updates = [make_update(id_, band="gone" if id_ % 2 else "fit") for id_ in range(1, 101)]

    written = write(portal, updates)

    assert len(written.rejected) == len(written.acknowledged) == 50
    assert portal.requests <= 2 * 7 + 1


# Rejections that are no verdict on a value.

RULE_BODY = error_body(
    "region is required",
    "VALIDATION_ERROR",
    errors=[{"message": "required", "code": "MISSING_CONDITIONAL_REQUIRED_PROPERTY", "context": {"propertyName": ["region"]}}],
)
FOREIGN_BODY = rejection_body(("region", "PROPERTY_DOESNT_EXIST"))
UNKNOWN_SHAPES: dict[str, tuple[int, dict[str, Any]]] = {
    "a rule of the portal": (400, RULE_BODY),
    "the code in the category": (
        400,
        error_body("Contact is missing required properties: [region]", "MISSING_CONDITIONAL_REQUIRED_PROPERTY"),
    ),
    "no category": (400, error_body("this contact cannot be edited")),
    "an empty body": (400, {}),
    "no access to one record": (403, error_body("You do not have permission to edit this contact", "FORBIDDEN")),
    "a property of others": (400, FOREIGN_BODY),
    "an unknown record": (404, error_body("resource not found")),
    "a conflict": (409, error_body("Contact already exists", "CONFLICT")),
    "a code about our property": (400, rejection_body(("lead_score", "VALUE_OUT_OF_RANGE"))),
}


class RulePortal(FakePortal):
    """Rejects a request for the contacts, or the properties, that a rule concerns."""

    def __init__(self, status: int, body: dict[str, Any], concerns: Callable[[ContactUpdate], bool]) -> None:
        super().__init__(bad=set(), merged={}, deleted=set())
        self.status, self.body, self.concerns = status, body, concerns
        self.written: dict[int, dict[str, str]] = {}

    def send(self, updates: Sequence[ContactUpdate]) -> dict[str, Any]:
        self.requests += 1
        if any(self.concerns(update) for update in updates):
            raise translate_error(parse_error_response(self.status, json.dumps(self.body).encode()), operation="write contacts")
        for update in updates:
            self.written.setdefault(update.id, {}).update(update.properties)
        return batch_body(*[make_record(update.id, **update.properties) for update in updates])


@pytest.mark.parametrize("shape", UNKNOWN_SHAPES)
def test_one_contact_rejected_in_any_shape_blocks_no_other_contact(shape: str) -> None:
    portal = RulePortal(*UNKNOWN_SHAPES[shape], concerns=lambda update: update.id == 7)

    written = write(portal, [make_update(id_) for id_ in range(1, 101)])

    assert portal.written.keys() == written.acknowledged.keys() == {*range(1, 101)} - {7}
    assert written.rejected[7]["lead_score"].kind is CauseKind.RULE
    assert portal.requests <= 1 + SPARE_CALLS + 1


@pytest.mark.parametrize("shape", UNKNOWN_SHAPES)
@pytest.mark.parametrize("batches", [1, 10, 50])
def test_a_rule_that_concerns_every_contact_does_not_multiply_the_calls(shape: str, batches: int) -> None:
    portal, session = RulePortal(*UNKNOWN_SHAPES[shape], concerns=lambda _: True), WriteSession()

    results = [
        write(portal, [make_update(100 * batch + each, lifecyclestage="lead", lead_score="7") for each in range(1, 101)], session)
        for batch in range(batches)
    ]

    assert portal.requests + portal.lookups <= 2 * batches + 20
    assert [len(result.rejected) for result in results] == [100] * batches
    assert {frozenset(causes) for result in results for causes in result.rejected.values()} == {frozenset({"lifecyclestage", "lead_score"})}
    assert {cause.kind for result in results for causes in result.rejected.values() for cause in causes.values()} == {CauseKind.RULE}


def test_a_rule_about_the_stage_does_not_block_the_score() -> None:
    portal = RulePortal(400, RULE_BODY, concerns=lambda update: "lifecyclestage" in update.properties)

    written = write(portal, [make_update(id_, lead_score="7", **({"lifecyclestage": "mql"} if id_ % 2 else {})) for id_ in range(1, 101)])

    assert portal.written == {id_: {"lead_score": "7"} for id_ in range(1, 101)}
    assert len(written.acknowledged) == 100
    assert {id_: set(causes) for id_, causes in written.rejected.items()} == {id_: {"lifecyclestage"} for id_ in range(1, 101, 2)}


def test_a_rule_about_the_score_does_not_block_the_stage() -> None:
    body = rejection_body(("lead_score", "VALUE_OUT_OF_RANGE"))
    portal = RulePortal(400, body, concerns=lambda update: "lead_score" in update.properties)

    written = write(portal, [make_update(id_, lead_score="7", lifecyclestage="mql") for id_ in range(1, 101)])

    assert portal.written == {id_: {"lifecyclestage": "mql"} for id_ in range(1, 101)}
    assert {frozenset(causes) for causes in written.rejected.values()} == {frozenset({"lead_score"})}


def test_a_rejection_that_names_its_records_costs_two_calls() -> None:
    body = error_body("rejected", "VALIDATION_ERROR", context={"ids": ["7", "8", "9"]})
    portal = RulePortal(400, body, concerns=lambda update: update.id in {7, 8, 9})

    written = write(portal, [make_update(id_) for id_ in range(1, 101)])

    assert len(written.acknowledged) == 97
    assert portal.requests <= 3 + 4


@pytest.mark.parametrize("category", ["INTERNAL_ERROR", "RATE_LIMITS", "LOCKED", "SOMETHING_NEW", None])
def test_an_error_of_one_record_inside_a_success_is_temporary(hubspot: HubSpot, server: FakeServer, category: str | None) -> None:
    error = {"status": "error", "message": "Temporary problem", "context": {"ids": ["2"]}} | ({"category": category} if category else {})
    server.respond("POST", UPDATE, json_response(batch_body(make_record(1, lead_score="7"), numErrors=1, errors=[error]), 207))

    written = hubspot.contacts.write([make_update(1), make_update(2)])

    cause = written.rejected[2]["lead_score"]
    assert (set(written.acknowledged), cause.kind) == ({1}, CauseKind.TEMPORARY)
    assert str(category or "") in cause.reason
    assert len(server.paths) == 1  # the error says why, so the contact is not looked up


def test_with_partial_success_invalid_values_cost_one_call(hubspot: HubSpot, server: FakeServer) -> None:
    def error(id_: int, name: str, code: str) -> dict[str, Any]:
        details = [{"message": "no", "code": code, "context": {"propertyName": [name]}}]
        return error_body("not valid", "VALIDATION_ERROR", errors=details, context={"objectWriteTraceId": [str(id_)]})

    errors = [error(2, "lead_grade", "INVALID_OPTION"), error(3, "region", "MISSING_CONDITIONAL_REQUIRED_PROPERTY")]
    server.respond(
        "POST",
        UPDATE,
        json_response(batch_body(make_record(1, lead_grade="A", lead_score="7"), numErrors=2, errors=errors), 207),
        json_response(batch_body(make_record(2, lead_score="7"))),
    )

    written = hubspot.contacts.write([make_update(id_, lead_grade="AF"[id_ > 1], lead_score="7") for id_ in (1, 2, 3)])

    assert {id_: dict(ack.properties) for id_, ack in written.acknowledged.items()} == {
        1: {"lead_grade": "A", "lead_score": "7"},
        2: {"lead_score": "7"},
    }
    assert written.rejected[2] == {"lead_grade": RejectionCause(kind=CauseKind.VALUE, reason="lead_grade: INVALID_OPTION")}
    assert {name: cause.kind for name, cause in written.rejected[3].items()} == dict.fromkeys(("lead_grade", "lead_score"), CauseKind.RULE)
    assert len(server.paths) == 2


def test_with_partial_success_a_rule_about_the_stage_does_not_block_the_score(hubspot: HubSpot, server: FakeServer) -> None:
    def reply(request: Any) -> FakeResponse:
        inputs = json.loads(request.body)["inputs"]
        rejected = [each["id"] for each in inputs if "lifecyclestage" in each["properties"]]
        rows = [make_record(int(each["id"]), **each["properties"]) for each in inputs if each["id"] not in rejected]
        errors = [{**RULE_BODY, "context": {"objectWriteTraceId": [id_]}} for id_ in rejected]
        return json_response(batch_body(*rows, **({"numErrors": len(errors), "errors": errors} if errors else {})), 207 if errors else 200)

    server.answer("POST", UPDATE, reply)

    written = hubspot.contacts.write([make_update(id_, lead_score="7", lifecyclestage="mql") for id_ in range(1, 101)])

    assert {id_: dict(ack.properties) for id_, ack in written.acknowledged.items()} == {id_: {"lead_score": "7"} for id_ in range(1, 101)}
    assert {frozenset(causes) for causes in written.rejected.values()} == {frozenset({"lifecyclestage"})}
    assert len(server.paths) == 3


def test_values_known_as_invalid_are_not_sent_in_the_next_batch() -> None:
    portal, session = FakePortal(bad={"gone"}, merged={}, deleted=set()), WriteSession()
    for batch in range(3):
        written = write(portal, [make_update(100 * batch + each, band="gone" if each == 1 else "fit") for each in range(1, 101)], session)
        assert written.rejected == {100 * batch + 1: {"band": INVALID_BAND}}
    assert portal.requests <= 3 + 4


def test_no_access_to_any_contact_is_a_rejection_of_each(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", UPDATE, json_response(error_body("You do not have permission", "FORBIDDEN"), 403))
    written = hubspot.contacts.write([make_update(1), make_update(2)])
    assert {id_: causes["lead_score"].reason for id_, causes in written.rejected.items()} == dict.fromkeys(
        (1, 2), "HubSpot denies access (You do not have permission)."
    )


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INVALID_OPTION", CauseKind.VALUE),
        ("INVALID_INTEGER", CauseKind.VALUE),
        ("INVALID_LONG", CauseKind.VALUE),
        ("INVALID_REGEX", CauseKind.RULE),
        ("INVALID_NUMBER_RANGE", CauseKind.RULE),
        ("INVALID_SOMETHING_NEW", CauseKind.RULE),
    ],
)
def test_only_the_type_and_the_options_of_a_property_are_a_verdict_on_its_value(code: str, kind: CauseKind) -> None:
    portal = RulePortal(400, rejection_body(("lead_score", code)), concerns=lambda update: update.properties.get("lead_score") == "99")

    written = write(portal, [make_update(id_, lead_score="99" if id_ % 10 == 0 else "1", lead_grade="A") for id_ in range(1, 101)])

    assert written.rejected == {id_: {"lead_score": RejectionCause(kind=kind, reason=f"lead_score: {code}")} for id_ in range(10, 101, 10)}
    assert len(written.acknowledged) == 100
    assert portal.requests <= 5


def test_locked_batches_are_held_back_unless_the_whole_portal_is_locked() -> None:
    def refuse(_: Sequence[ContactUpdate]) -> Any:
        raise Locked("HubSpot answered 423.")

    portal, session = FakePortal(bad=set(), merged={}, deleted=set()), WriteSession()

    def write_locked() -> BatchWriteResult:
        return BatchUpdate([make_update(1, lead_score="1")], send=refuse, find=portal.find, session=session).execute()

    assert [write_locked().rejected for _ in range(MAX_LOCKED_BATCHES)] == [{1: {"lead_score": LOCKED}}] * MAX_LOCKED_BATCHES
    with pytest.raises(Unavailable):
        write_locked()
