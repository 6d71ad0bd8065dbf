"""The base path of each API in each version; hubspot-api.md section 0, path map."""

from __future__ import annotations

from collections.abc import Iterator

DATED_VERSIONS = ("2026-03", "2026-09")
NEWEST_VERSION = DATED_VERSIONS[-1]
CLASSIC_VERSION = "v3"  # the v1, v3 and v4 paths

# API → (classic path or paths, dated path), None for a missing path; `{version}` is replaced by the date.
BASE_PATHS: dict[str, tuple[str | tuple[str, ...] | None, str | None]] = {
    "objects": ("/crm/v3/objects", "/crm/objects/{version}"),
    "object-associations": ("/crm/v4/objects", "/crm/objects/2026-03"),
    "associations": ("/crm/v4/associations", "/crm/associations/{version}"),
    "properties": ("/crm/v3/properties", "/crm/properties/{version}"),
    "pipelines": ("/crm/v3/pipelines", "/crm/pipelines/{version}"),
    "owners": ("/crm/v3/owners", "/crm/owners/{version}"),
    "lists": ("/crm/v3/lists", "/crm/lists/{version}"),
    "limits": ("/crm/v3/limits", "/crm/limits/{version}"),
    "exports": ("/crm/v3/exports", "/crm/exports/{version}"),
    "imports": ("/crm/v3/imports", "/crm/imports/{version}"),
    "occurrences": ("/events/v3/events", "/events/event-occurrences/{version}"),
    "account": ("/account-info/v3", "/account-info/{version}"),
    # HubSpot describes the first classic path; its SDKs use the second, with a slash at the end.
    "marketing-events": (("/marketing/marketing-events/v3", "/marketing/v3/marketing-events"), "/marketing/marketing-events/{version}"),
    "schemas": (("/crm/v3/schemas", "/crm-object-schemas/v3/schemas"), "/crm-object-schemas/{version}/schemas"),
    "subscriptions": ("/communication-preferences/v4", "/communication-preferences/{version}"),
    "forms": ("/marketing/v3/forms", None),
    "submissions": ("/form-integrations/v1/submissions/forms", None),
    "email": ("/email/public/v1", None),
    "companies-v2": ("/companies/v2", None),
    "properties-v1": ("/properties/v1", None),
    "deals-v1": ("/deals/v1", None),
    "forms-v2": ("/forms/v2", None),
    "associations-v3": ("/crm/v3/associations", None),
    "engagements-v1": ("/engagements/v1", None),
    "workflows-v3": ("/automation/v3", None),
    "workflows": ("/automation/v4", None),
    "private-apps": ("/oauth/v2/private-apps", None),
}


def expand_paths(api: str, path_suffix: str) -> Iterator[tuple[str, str]]:
    """Yield (version, path) for each version that has the endpoint."""
    classic, dated = BASE_PATHS[api]
    for path in (classic,) if isinstance(classic, str) else classic or ():
        yield CLASSIC_VERSION, path + path_suffix
    for version in DATED_VERSIONS if dated is not None and "{version}" in dated else ():
        yield version, f"{dated}".format(version=version) + path_suffix
    if dated is not None and "{version}" not in dated:
        yield dated.rpartition("/")[2], dated + path_suffix
