"""Every endpoint of the API, in the order in which paths are tried: fixed words before variables."""

from __future__ import annotations

from sync_worker.sandbox.api import (
    associations,
    batches,
    engagement,
    exports,
    groups,
    imports,
    lists,
    marketing_events,
    memberships,
    merges,
    objects,
    properties,
    searches,
    settings,
)

ENDPOINTS = (
    *searches.ENDPOINTS,
    *batches.ENDPOINTS,
    *merges.ENDPOINTS,
    *objects.ENDPOINTS,
    *associations.ENDPOINTS,
    *groups.ENDPOINTS,
    *properties.ENDPOINTS,
    *memberships.ENDPOINTS,
    *lists.ENDPOINTS,
    *settings.ENDPOINTS,
    *engagement.ENDPOINTS,
    *marketing_events.ENDPOINTS,
    *exports.ENDPOINTS,
    *imports.ENDPOINTS,
)
