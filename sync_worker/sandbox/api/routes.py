"""All endpoints of the API, in matching order: fixed path segments before variables."""

from __future__ import annotations

from sync_worker.sandbox.api import (
    account_and_owners,
    email_events_and_occurrences,
    forms,
    legacy,
    lists,
    marketing_events,
    memberships,
    subscriptions,
    workflows,
)
from sync_worker.sandbox.api.crm import associations, batch, exports, imports, merges, objects, properties, property_groups, search

ENDPOINTS = (
    *search.ENDPOINTS,
    *batch.ENDPOINTS,
    *merges.ENDPOINTS,
    *objects.ENDPOINTS,
    *associations.ENDPOINTS,
    *property_groups.ENDPOINTS,
    *properties.ENDPOINTS,
    *memberships.ENDPOINTS,
    *lists.ENDPOINTS,
    *account_and_owners.ENDPOINTS,
    *email_events_and_occurrences.ENDPOINTS,
    *forms.ENDPOINTS,
    *marketing_events.ENDPOINTS,
    *subscriptions.ENDPOINTS,
    *exports.ENDPOINTS,
    *imports.ENDPOINTS,
    *workflows.ENDPOINTS,
    *legacy.ENDPOINTS,
)
