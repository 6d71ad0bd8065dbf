"""Where our lists are: known by id, or found by name, also by the name that they had when the model spoke another language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sync_worker.hubspot.api.lists import Lists
from sync_worker.hubspot.records.models import ContactList
from sync_worker.sync.portal.crm_schema import CrmSchema


def find_list(lists: Lists, crm_schema: CrmSchema, key: str, list_ids: Mapping[str, str]) -> ContactList | None:
    """Return a list of ours; `known` holds the ids that the state has met, by key.

    A list whose id is known is ours whatever somebody calls it, so that no second one is made.
    """
    return next(_candidates(lists, crm_schema, key, list_ids.get(key)), None)


def has_legacy_name(contact_list: ContactList, crm_schema: CrmSchema, key: str) -> bool:
    """Tell whether a list has the name that we give it in another language; a name that somebody else gave it stays."""
    return contact_list.name.casefold() in {name.casefold() for name in crm_schema.legacy_names(key)} - {
        crm_schema.list_names[key].casefold()
    }


def _candidates(lists: Lists, crm_schema: CrmSchema, key: str, list_id: str | None) -> Iterator[ContactList]:
    if list_id is not None and (known := lists.get(list_id)) is not None:
        yield known
    for name in (crm_schema.list_names[key], *crm_schema.legacy_names(key)):
        if (found := lists.find_by_name(name)) is not None:
            yield found
