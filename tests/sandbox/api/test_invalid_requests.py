"""hubspot-api.md section 2: every invalid request gets an error envelope and no request causes a 500."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.sandbox.api.routes import ENDPOINTS
from sync_worker.sandbox.request.body_validation import FIELD_VALIDATORS
from sync_worker.sandbox.request.url_paths import expand_paths
from tests.sandbox.portal_factories import (
    CONTACTS,
    NOW_MS,
    PortalClient,
    make_click,
    make_contact,
    make_contacts,
    make_portal,
    start_portal,
)

CALLS = [(endpoint.method, path) for endpoint in ENDPOINTS for _, path in expand_paths(endpoint.api, endpoint.path_suffix)]
ODD_VALUES = ["", "0", "1", "-1", "99", "²", "9" * 30, "1.5", "nan", "*", "\x00", "true", "email", "contacts", "0-1", "hs_object_id"]
ODD_VALUES += [
    "lifecyclestage",
    "contactinformation",
    "lead",
    "MANUAL",
    "DYNAMIC",
    "VIEW",
    "LIST",
    "CSV",
    "CONTACT",
    "EQ",
    "IN",
    "BETWEEN",
    "number",
]
QUERY = """limit after offset properties propertiesWithHistory associations archived idProperty startTimestamp endTimestamp eventType
    recipient campaignId appId objectType objectId occurredAfter occurredBefore sort id email listIds listName includeFilters changeType"""
SCALARS = st.sampled_from(ODD_VALUES) | st.integers(-5, 10**20) | st.booleans() | st.floats()
ANYTHING = st.recursive(
    st.none() | SCALARS,
    lambda deeper: st.lists(deeper, max_size=2) | st.dictionaries(st.text(max_size=2), deeper, max_size=2),
    max_leaves=6,
)
PATH_PARTS = ["1", "1", "f", "contacts", "0-1", "²", "x", "0", "9" * 25]


def request_bodies(depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """Generate objects with known fields, mostly of valid types, so that they pass the type validation."""
    deeper = request_bodies(depth - 1) if depth else st.just({})
    lists_of_objects = dict.fromkeys(("inputs", "filterGroups", "filters", "options"), st.lists(deeper, max_size=2))
    scalars = st.lists(SCALARS, max_size=2)
    values = st.dictionaries(st.sampled_from(["email", "lifecyclestage", "firstname", "hs_email_optout", "closedate"]), SCALARS, max_size=3)
    kinds = {**dict.fromkeys(FIELD_VALIDATORS, SCALARS | scalars), **lists_of_objects, "properties": values | scalars}
    return st.dictionaries(st.sampled_from(sorted(FIELD_VALIDATORS)), st.none(), max_size=6).flatmap(
        lambda names: st.fixed_dictionaries({name: kinds[name] | ANYTHING for name in names})
    )


PATHS = st.tuples(st.sampled_from(CALLS), st.lists(st.sampled_from(PATH_PARTS), min_size=4, max_size=4))


@cache
def portal_client() -> PortalClient:
    """Return one portal for all examples; each sees the changes of the previous ones."""
    contacts = [make_contact(number, associatedcompanyid="9") for number in range(1, 6)]
    submission = {"formId": "f", "submittedAt": NOW_MS, "values": [], "pageUrl": ""}
    engagement = {"email_events": [make_click(1, NOW_MS)], "forms": [{"id": "f", "name": "Form"}], "submissions": [submission]}
    portal = start_portal(make_portal(contacts, companies=[{"id": "9", "properties": {}}], **engagement))
    portal.post("/crm/v3/lists", {"name": "L", "objectTypeId": "0-1", "processingType": "MANUAL"})
    return portal


def fill_path(path: str, parts: list[str]) -> str:
    """Return a path with its variables replaced by parts."""
    left = iter(parts)
    return re.sub(r"\{(\w+)\}", lambda variable: "contacts" if variable[1].endswith("ObjectType") else next(left), path)


@settings(max_examples=300, deadline=None)
@given(
    call=PATHS,
    query=st.dictionaries(st.sampled_from(QUERY.split()), st.sampled_from(ODD_VALUES), max_size=3),
    body=request_bodies() | ANYTHING,
)
def test_no_request_breaks_the_sandbox(call: tuple[tuple[str, str], list[str]], query: Mapping[str, str], body: object) -> None:
    (method, path), parts = call
    content = None if method in {"GET", "DELETE"} else json.dumps(body).encode()
    reply = portal_client().http.request(method, fill_path(path, parts), params=query, content=content)
    assert reply.status_code < 500
    if reply.status_code >= 400:
        assert reply.json().keys() >= {"status", "message", "correlationId"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/search", {"sorts": "email"}),
        ("/search", {"filterGroups": [{"filters": "email"}]}),
        ("/search", {"limit": True}),
        ("/batch/read", {"inputs": [{"id": ["1"]}]}),
        ("/batch/update", {"inputs": [{"id": "1", "properties": {"city": ["Bonn"]}}]}),
        ("/batch/update", [1]),
    ],
)
def test_a_field_of_the_wrong_type_is_invalid_json(path: str, body: object) -> None:
    reply = portal_client().post(CONTACTS + path, body)
    assert (reply.status_code, reply.json()["category"]) == (400, "VALIDATION_ERROR")
    assert reply.json()["message"].startswith("Invalid input JSON on line 1, column 1")


@settings(max_examples=60, deadline=None)
@given(request=ANYTHING, table=st.text(max_size=30), columns=st.lists(ANYTHING, max_size=2))
def test_no_import_breaks_the_sandbox(request: object, table: str, columns: list[object]) -> None:
    page = {"hasHeader": True, "columnMappings": [{"columnObjectTypeId": "0-1", "propertyName": "email", "columnName": "a"}, *columns]}
    whole = {"name": "x", "files": [{"fileName": "a.csv", "fileFormat": "CSV", "fileImportPage": page}], "importOperations": request}
    for import_request in (request, whole):
        files = {"files": ("a.csv", table.encode("utf-8", "replace"), "text/csv")}
        reply = portal_client().http.post("/crm/v3/imports", data={"importRequest": json.dumps(import_request)}, files=files)
        assert reply.status_code < 500


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_a_body_that_is_not_declared_as_json_is_unsupported(content_type: str) -> None:
    served = start_portal(make_portal(make_contacts(1)))
    headers = {"Content-Type": content_type} if content_type else {}
    assert served.http.post(f"{CONTACTS}/batch/read", content=b'{"inputs": []}', headers=headers).status_code == 415
    assert served.http.patch(f"{CONTACTS}/1", content=b'{"properties": {"city": "Bonn"}}', headers=headers).status_code == 415
    assert served.value(1, "city") is None


def test_json_with_a_character_set_is_supported_and_a_request_without_a_body_needs_no_type() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert served.http.post(f"{CONTACTS}/batch/read", content=b'{"inputs": []}', headers=headers).status_code == 200
    assert served.http.delete(f"{CONTACTS}/1").status_code == 204


@pytest.mark.parametrize("path", ["/crm/v3/schemas", "/crm-object-schemas/v3/schemas", "/crm-object-schemas/2026-09/schemas"])
def test_there_are_no_custom_objects(path: str) -> None:
    assert start_portal(make_portal()).get(path).json() == {"results": []}
