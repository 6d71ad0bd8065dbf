"""Where our lists are: known by id, or found by name, also by the name that they had when the model spoke another language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sync_worker.hubspot.api.lists import Lists
from sync_worker.hubspot.records.models import ContactList
from sync_worker.sync.portal.crm_schema import Outputs


def located(lists: Lists, outputs: Outputs, key: str, known: Mapping[str, str]) -> ContactList | None:
    """Return a list of ours; `known` holds the ids that the state has met, by key.

    A list whose id is known is ours whatever somebody calls it, so that no second one is made.
    """
    return next(_candidates(lists, outputs, key, known.get(key)), None)


def misnamed(found: ContactList, outputs: Outputs, key: str) -> bool:
    """Tell whether a list has the name that we give it in another language; a name that somebody else gave it stays."""
    return found.name.casefold() in {name.casefold() for name in outputs.other_names(key)} - {outputs.lists[key].casefold()}


def _candidates(lists: Lists, outputs: Outputs, key: str, list_id: str | None) -> Iterator[ContactList]:
    if list_id is not None and (known := lists.get(list_id)) is not None:
        yield known
    for name in (outputs.lists[key], *outputs.other_names(key)):
        if (found := lists.find_by_name(name)) is not None:
            yield found
