"""Deals: what became of the leads, with the contacts that each belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sync_worker.hubspot.objects import Objects
from sync_worker.hubspot.parsing import Row, deal, sense_of
from sync_worker.hubspot.records import Deal
from sync_worker.hubspot.sdk import RAW, Untyped

LINK_BATCH: Final = 1_000


class Deals(Objects[Deal]):
    """The deals of the portal."""

    def __init__(self, apis: Untyped, associations: Untyped) -> None:
        super().__init__("deals", apis, deal, modified="hs_lastmodifieddate")
        self._associations = associations

    def _linked(self) -> Mapping[str, object]:
        return {"associations": ["contacts"]}

    def _records(self, rows: Iterable[Row]) -> tuple[Deal, ...]:
        return super()._records(self._with_contacts(list(rows)))

    def _with_contacts(self, rows: list[Row]) -> list[Row]:
        """Return the rows with all their contacts: searches and batches bring none, the list only the first ones of many."""
        known = {row["id"]: row for row in rows if _is_complete(row)}
        links = self._contacts_of([row["id"] for row in rows if row["id"] not in known])
        return [known.get(row["id"]) or row | {"associations": {"contacts": {"results": links.get(row["id"], [])}}} for row in rows]

    def _contacts_of(self, ids: Sequence[str]) -> dict[str, list[Row]]:
        """Return the contacts of deals; a deal without any is left out by HubSpot."""
        links: dict[str, list[Row]] = {}
        waiting: list[Row] = [{"id": id_} for id_ in ids]
        while waiting:
            inputs, waiting = waiting[:LINK_BATCH], waiting[LINK_BATCH:]
            data: Row = self._associations.get_page("deals", "contacts", {"inputs": inputs}, **RAW)
            with sense_of("read the contacts of deals"):
                for result in data["results"]:
                    id_ = str(result["from"]["id"])
                    links.setdefault(id_, []).extend({"id": str(to["toObjectId"])} for to in result["to"])
                    following = ((result.get("paging") or {}).get("next") or {}).get("after")
                    waiting += [{"id": id_, "after": following}] if following else []
        return links


def _is_complete(row: Row) -> bool:
    linked = (row.get("associations") or {}).get("contacts")
    return linked is not None and not linked.get("paging")
