"""Find our lists by id, or by name in any language of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sync_worker.hubspot.api.lists import Lists
from sync_worker.hubspot.records.models import ContactList
from sync_worker.sync.portal.managed_properties import CrmSchema


def find_list(lists: Lists, crm_schema: CrmSchema, key: str, list_ids: Mapping[str, str]) -> ContactList | None:
    """Return one of our lists, or None. `list_ids` are the ids in the state, by key.

    A list with a known id is ours even if a user has renamed it, so that no second list is created.
    """
    return next(_candidates(lists, crm_schema, key, list_ids.get(key)), None)


def has_legacy_name(contact_list: ContactList, crm_schema: CrmSchema, key: str) -> bool:
    """Return whether a list has our name in another language. Names that a user gave it are not changed."""
    return contact_list.name.casefold() in {name.casefold() for name in crm_schema.legacy_names(key)} - {
        crm_schema.list_names[key].casefold()
    }


def _candidates(lists: Lists, crm_schema: CrmSchema, key: str, list_id: str | None) -> Iterator[ContactList]:
    if list_id is not None and (known := lists.get(list_id)) is not None:
        yield known
    for name in (crm_schema.list_names[key], *crm_schema.legacy_names(key)):
        if (found := lists.find_by_name(name)) is not None:
            yield found
