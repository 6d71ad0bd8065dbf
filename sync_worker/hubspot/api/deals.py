"""Deals: what became of the leads, with the contacts that each belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sync_worker.hubspot.api.crm_objects import Objects
from sync_worker.hubspot.records.decoder import Decoded, Shape
from sync_worker.hubspot.records.models import Deal
from sync_worker.hubspot.records.parsing import Row, deals, sense_of
from sync_worker.hubspot.rest.sdk import RAW, Untyped

LINK_BATCH: Final = 1_000


class Deals(Objects[Deal]):
    """The deals of the portal."""

    def __init__(self, apis: Untyped, associations: Untyped) -> None:
        super().__init__("deals", apis, deals, modified="hs_lastmodifieddate")
        self._associations = associations

    def _linked(self) -> Mapping[str, object]:
        return {"associations": ["contacts"]}

    def _records(self, shape: Shape, rows: Sequence[Decoded]) -> tuple[Deal, ...]:
        self._link(rows)
        return super()._records(shape, rows)

    def _link(self, rows: Sequence[Decoded]) -> None:
        """Give the rows all their contacts: searches and batches bring none, the list only the first ones of many."""
        lacking = [row for row in rows if not _is_complete(row)]
        links = self._contacts_of([row.id for row in lacking])
        for row in lacking:
            row.associations = {"contacts": {"results": links.get(row.id, [])}}

    def _contacts_of(self, ids: Sequence[int]) -> dict[int, list[Row]]:
        """Return the contacts of deals; a deal without any is left out by HubSpot."""
        links: dict[int, list[Row]] = {}
        waiting: list[Row] = [{"id": str(id_)} for id_ in ids]
        while waiting:
            inputs, waiting = waiting[:LINK_BATCH], waiting[LINK_BATCH:]
            data: Row = self._associations.get_page("deals", "contacts", {"inputs": inputs}, **RAW)
            with sense_of("read the contacts of deals"):
                for result in data["results"]:
                    id_ = int(result["from"]["id"])
                    links.setdefault(id_, []).extend({"id": str(to["toObjectId"])} for to in result["to"])
                    following = ((result.get("paging") or {}).get("next") or {}).get("after")
                    waiting += [{"id": str(id_), "after": following}] if following else []
        return links


def _is_complete(row: Decoded) -> bool:
    linked = (row.associations or {}).get("contacts")
    return linked is not None and not linked.get("paging")
