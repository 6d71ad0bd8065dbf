"""The one table of paths: where each API lies in each version. Sources: hubspot-api.md section 0, path map."""

from __future__ import annotations

from collections.abc import Iterator

DATED = ("2026-03", "2026-09")
NEWEST = DATED[-1]
CLASSIC = "v3"  # v1, v3 and v4 paths: all of the time before dated versions

# API → the path before dated versions, and the dated one; `{version}` stands for the date
BASES: dict[str, tuple[str | None, str | None]] = {
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
    "marketing-events": ("/marketing/v3/marketing-events", "/marketing/marketing-events/{version}"),
    "forms": ("/marketing/v3/forms", None),
    "submissions": ("/form-integrations/v1/submissions/forms", None),
    "email": ("/email/public/v1", None),
}


def paths(api: str, suffix: str) -> Iterator[tuple[str, str]]:
    """Yield (version, path) of an endpoint in every version that has it."""
    classic, dated = BASES[api]
    if classic is not None:
        yield CLASSIC, classic + suffix
    for version in DATED if dated is not None and "{version}" in dated else ():
        yield version, f"{dated}".format(version=version) + suffix
    if dated is not None and "{version}" not in dated:
        yield dated.rpartition("/")[2], dated + suffix
