"""Table of the endpoints that the worker calls, with both of HubSpot's path styles: v3/v4 and dated (2026-09)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from sync_worker.hubspot.rest.rate_limiter import Budget

ApiVersion = Literal["v3", "2026-09"]

# Forms, submissions and email events have no dated path; that of workflows is beta.
DATE_BASED_PATHS: Final = {
    "/crm/v3/objects": "/crm/objects/2026-09",
    "/crm/v3/properties": "/crm/properties/2026-09",
    "/crm/v3/pipelines": "/crm/pipelines/2026-09",
    "/crm/v3/lists": "/crm/lists/2026-09",
    "/crm/v4/associations": "/crm/associations/2026-09",
    "/events/v3/events": "/events/event-occurrences/2026-09",
    "/communication-preferences/v4": "/communication-preferences/2026-09",
    "/marketing/v3/marketing-events": "/marketing/marketing-events/2026-09",
    "/account-info/v3": "/account-info/2026-09",
    "/crm/v3/exports": "/crm/exports/2026-09",
    "/crm/v3/imports": "/crm/imports/2026-09",
    "/crm/v3/owners": "/crm/owners/2026-09",
}

# HubSpot's SDKs use other v3 paths than its documentation describes. The described path is sent first, and then that of the SDKs.
DESCRIBED_PATHS: Final = {"/marketing/v3/marketing-events": "/marketing/marketing-events/v3"}

LABEL_PLACEHOLDERS: Final = frozenset({"object", "from", "to"})  # kept in endpoint names; the other placeholders are ids and names


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A row of the table: method, v3/v4 path, a description of the operation, and the rate limit budget.

    `has_job_limit`: HubSpot also limits the number of these jobs.
    """

    method: str
    path: str
    operation: str
    budget: Budget = Budget.BURST
    has_job_limit: bool = False
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)))

    @property
    def date_based_path(self) -> str:
        """The dated path."""
        return self._replace_prefix(DATE_BASED_PATHS)

    @property
    def described_path(self) -> str:
        """The v3/v4 path that HubSpot describes."""
        return self._replace_prefix(DESCRIBED_PATHS)

    def _replace_prefix(self, prefixes: Mapping[str, str]) -> str:
        prefix = next((prefix for prefix in prefixes if self.path.startswith(prefix)), "")
        return prefixes.get(prefix, "") + self.path.removeprefix(prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A resolved call: its path, the endpoint for metrics, the budget, and a description of the operation.

    `alternative` is the path to send if HubSpot does not know the first one.
    """

    path: str
    endpoint: str
    budget: Budget
    operation: str
    has_job_limit: bool = False
    alternative: str | None = None


# The first matching row is used.
ENDPOINTS: Final = (
    Endpoint("GET", "/crm/v3/objects/{object}", "read {object}"),
    Endpoint("POST", "/crm/v3/objects/{object}/search", "search {object}", Budget.SEARCH),
    Endpoint("POST", "/crm/v3/objects/{object}/batch/read", "read {object} by id"),
    Endpoint("POST", "/crm/v3/objects/{object}/batch/update", "write {object}"),
    Endpoint("POST", "/crm/v3/objects/{object}/batch/create", "create {object}"),
    Endpoint("GET", "/crm/v3/owners", "read the owners"),
    Endpoint("POST", "/crm/v4/associations/{from}/{to}/batch/read", "read the {to} of {from}", Budget.ASSOCIATIONS),
    Endpoint("GET", "/crm/v3/properties/{object}/groups", "read the property groups of {object}"),
    Endpoint("POST", "/crm/v3/properties/{object}/groups", "create a property group of {object}"),
    Endpoint("PATCH", "/crm/v3/properties/{object}/groups/{group}", "change a property group of {object}"),
    Endpoint("GET", "/crm/v3/properties/{object}", "read the properties of {object}"),
    Endpoint("POST", "/crm/v3/properties/{object}", "create a property of {object}"),
    Endpoint("GET", "/crm/v3/properties/{object}/{name}", "read a property of {object}"),
    Endpoint("PATCH", "/crm/v3/properties/{object}/{name}", "change a property of {object}"),
    Endpoint("GET", "/crm/v3/pipelines/{object}", "read the pipelines of {object}"),
    Endpoint("POST", "/crm/v3/lists", "create a list"),
    Endpoint("GET", "/crm/v3/lists/{list}", "read a list"),
    Endpoint("GET", "/crm/v3/lists/object-type-id/{type}/name/{name}", "look up a list by name"),
    Endpoint("PUT", "/crm/v3/lists/{list}/update-list-name", "rename a list"),
    Endpoint("GET", "/crm/v3/lists/{list}/memberships", "read the members of a list"),
    Endpoint("PUT", "/crm/v3/lists/{list}/memberships/add-and-remove", "change the members of a list"),
    Endpoint("POST", "/crm/v3/lists/records/memberships/batch/read", "read the lists of contacts"),
    Endpoint("GET", "/events/v3/events", "read event occurrences"),
    Endpoint("GET", "/events/v3/events/event-types", "read the types of events"),
    Endpoint("GET", "/marketing/v3/marketing-events", "read the marketing events"),
    Endpoint("GET", "/marketing/v3/marketing-events/participations/{event}/breakdown", "read the participations of a marketing event"),
    Endpoint("GET", "/communication-preferences/v4/definitions", "read the subscription types"),
    Endpoint("POST", "/communication-preferences/v4/statuses/batch/read", "read subscription statuses"),
    Endpoint("GET", "/marketing/v3/forms", "read the forms"),
    Endpoint("GET", "/form-integrations/v1/submissions/forms/{form}", "read the submissions of a form"),
    Endpoint("GET", "/email/public/v1/events", "read email events"),
    Endpoint("POST", "/crm/v3/exports/export/async", "start an export", has_job_limit=True),
    Endpoint("GET", "/crm/v3/exports/export/async/tasks/{export}/status", "check an export"),
    Endpoint("POST", "/crm/v3/imports", "start an import", has_job_limit=True),
    Endpoint("GET", "/crm/v3/imports", "list the imports"),
    Endpoint("GET", "/crm/v3/imports/{import}", "check an import"),
    Endpoint("GET", "/crm/v3/imports/{import}/errors", "read the errors of an import"),
    Endpoint("GET", "/automation/v4/flows", "read the workflows"),
    Endpoint("POST", "/automation/v4/flows", "create a workflow"),
    Endpoint("POST", "/oauth/v2/private-apps/get/access-token-info", "read the scopes of the token"),
    Endpoint("GET", "/account-info/v3/details", "read the account's details"),
    Endpoint("GET", "/account-info/v3/api-usage/daily/private-apps", "read the daily usage of the API"),
)


def resolve(method: str, path: str, version: ApiVersion) -> Route:
    """Return the route of a call with a v3/v4 path.

    Raises:
        LookupError: the table lacks the endpoint. A new call needs a new row.
    """
    plain = path.rstrip("/")
    for endpoint in ENDPOINTS:
        if endpoint.method == method and (match := endpoint.pattern.fullmatch(plain)):
            return _build_route(endpoint, match.groupdict(), version)
    raise LookupError(f"no endpoint for {method} {path}")


def _build_route(endpoint: Endpoint, path_values: dict[str, str], version: ApiVersion) -> Route:
    template = endpoint.described_path if version == "v3" else endpoint.date_based_path
    labels = {name: value if name in LABEL_PLACEHOLDERS else f"{{{name}}}" for name, value in path_values.items()}
    return Route(
        path=template.format(**path_values),
        endpoint=f"{endpoint.method} {template.format(**labels)}",
        budget=endpoint.budget,
        operation=endpoint.operation.format(**labels),
        has_job_limit=endpoint.has_job_limit,
        alternative=endpoint.path.format(**path_values) if version == "v3" and template != endpoint.path else None,
    )
