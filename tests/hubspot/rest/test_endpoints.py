from __future__ import annotations

import pytest

from sync_worker.hubspot.rest.endpoints import ENDPOINTS, resolve
from sync_worker.hubspot.rest.rate_limiter import Budget

PATHS = [
    ("GET", "/crm/v3/objects/contacts", "/crm/objects/2026-09/contacts"),
    ("POST", "/crm/v3/objects/deals/search", "/crm/objects/2026-09/deals/search"),
    ("POST", "/crm/v3/objects/contacts/batch/read", "/crm/objects/2026-09/contacts/batch/read"),
    ("POST", "/crm/v3/objects/contacts/batch/update", "/crm/objects/2026-09/contacts/batch/update"),
    ("POST", "/crm/v4/associations/deals/contacts/batch/read", "/crm/associations/2026-09/deals/contacts/batch/read"),
    ("GET", "/crm/v3/properties/contacts", "/crm/properties/2026-09/contacts"),
    ("PATCH", "/crm/v3/properties/contacts/lead_score", "/crm/properties/2026-09/contacts/lead_score"),
    ("GET", "/crm/v3/properties/contacts/groups", "/crm/properties/2026-09/contacts/groups"),
    ("PATCH", "/crm/v3/properties/contacts/groups/ours", "/crm/properties/2026-09/contacts/groups/ours"),
    ("GET", "/crm/v3/pipelines/deals", "/crm/pipelines/2026-09/deals"),
    ("POST", "/crm/v3/lists/", "/crm/lists/2026-09"),
    ("PUT", "/crm/v3/lists/9/update-list-name", "/crm/lists/2026-09/9/update-list-name"),
    ("GET", "/crm/v3/lists/object-type-id/0-1/name/MQL%20%C2%B7", "/crm/lists/2026-09/object-type-id/0-1/name/MQL%20%C2%B7"),
    ("GET", "/crm/v3/lists/9/memberships", "/crm/lists/2026-09/9/memberships"),
    ("PUT", "/crm/v3/lists/9/memberships/add-and-remove", "/crm/lists/2026-09/9/memberships/add-and-remove"),
    ("GET", "/events/v3/events/", "/events/event-occurrences/2026-09"),
    ("GET", "/events/v3/events/event-types", "/events/event-occurrences/2026-09/event-types"),
    ("GET", "/account-info/v3/details", "/account-info/2026-09/details"),
    (
        "GET",
        "/account-info/v3/api-usage/daily/private-apps",
        "/account-info/2026-09/api-usage/daily/private-apps",
    ),
    ("GET", "/marketing/v3/marketing-events/", "/marketing/marketing-events/2026-09"),
    (
        "GET",
        "/marketing/v3/marketing-events/participations/501/breakdown",
        "/marketing/marketing-events/2026-09/participations/501/breakdown",
    ),
    ("GET", "/marketing/v3/forms/", "/marketing/v3/forms"),
    ("GET", "/email/public/v1/events", "/email/public/v1/events"),
    ("GET", "/form-integrations/v1/submissions/forms/f-1", "/form-integrations/v1/submissions/forms/f-1"),
]


@pytest.mark.parametrize(("method", "path", "dated"), PATHS)
def test_each_path_has_a_dated_path(method: str, path: str, dated: str) -> None:
    route = resolve(method, path, "v3")
    assert (route.alternative or route.path) == path.rstrip("/")
    assert resolve(method, path, "2026-09").path == dated


def test_requests_count_by_endpoint_and_not_by_id() -> None:
    routes = [resolve("PATCH", f"/crm/v3/properties/contacts/{id_}", "2026-09") for id_ in (51, 52)]

    assert {route.endpoint for route in routes} == {"PATCH /crm/properties/2026-09/contacts/{name}"}


def test_searches_and_associations_have_separate_budgets() -> None:
    budgets = {resolve(method, path, "v3").budget for method, path, _ in PATHS if path.endswith("/search")}

    assert budgets == {Budget.SEARCH}
    assert resolve("POST", "/crm/v4/associations/deals/contacts/batch/read", "v3").budget is Budget.ASSOCIATIONS
    assert resolve("GET", "/crm/v3/objects/contacts", "v3").budget is Budget.BURST


def test_every_endpoint_has_an_operation() -> None:
    assert resolve("POST", "/crm/v3/objects/contacts/search", "v3").operation == "search contacts"
    assert all(endpoint.operation for endpoint in ENDPOINTS)


def test_an_unknown_path_raises_a_lookup_error() -> None:
    with pytest.raises(LookupError, match="DELETE"):
        resolve("DELETE", "/crm/v3/objects/contacts/51", "v3")
