"""Deals API, with the contacts of each deal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sync_worker.errors import Unavailable
from sync_worker.hubspot.api.crm.crm_objects import Objects
from sync_worker.hubspot.records.field_parsers import parse_deals, parse_next_cursor, translate_parse_errors
from sync_worker.hubspot.records.field_types import RecordId, convert
from sync_worker.hubspot.records.models import Deal
from sync_worker.hubspot.records.page_decoder import DecodedJson, RecordDecoder
from sync_worker.hubspot.records.row_parser import JsonObject, RowParser
from sync_worker.hubspot.rest.sdk import RAW, Untyped

ASSOCIATION_BATCH_SIZE: Final = 1_000


class Deals(Objects[Deal]):
    """The deals of the portal."""

    def __init__(self, apis: Untyped, associations: Untyped, rows: RowParser) -> None:
        super().__init__("deals", apis, parse_deals, rows, modified_property="hs_lastmodifieddate")
        self._associations = associations

    def _list_parameters(self) -> Mapping[str, object]:
        return {"associations": ["contacts"]}

    def _parse_records(self, decoder: RecordDecoder, rows: Sequence[DecodedJson]) -> tuple[Deal, ...]:
        self._attach_contacts(rows)
        return super()._parse_records(decoder, rows)

    def _attach_contacts(self, rows: Sequence[DecodedJson]) -> None:
        """Add all contacts to the rows. Searches and batch reads return none, the list returns the first ones only."""
        incomplete = [row for row in rows if row.properties is not None and not _has_all_contacts(row)]
        links = self._read_associations([row.id for row in incomplete])
        for row in incomplete:
            row.associations = {"contacts": {"results": links.get(row.id, [])}}

    def _read_associations(self, ids: Sequence[int]) -> dict[int, list[JsonObject]]:
        """Return the contacts of deals. HubSpot omits deals without contacts."""
        links: dict[int, list[JsonObject]] = {}
        waiting: list[JsonObject] = [{"id": str(id_)} for id_ in ids]
        seen: set[tuple[int, str]] = set()
        while waiting:
            inputs, waiting = waiting[:ASSOCIATION_BATCH_SIZE], waiting[ASSOCIATION_BATCH_SIZE:]
            data: JsonObject = self._associations.get_page("deals", "contacts", {"inputs": inputs}, **RAW)
            with translate_parse_errors("read the contacts of deals"):
                for result in data["results"]:
                    id_ = convert(result["from"]["id"], RecordId)
                    links.setdefault(id_, []).extend({"id": str(to["toObjectId"])} for to in result["to"])
                    following = parse_next_cursor(result.get("paging"))
                    if following is None:
                        continue
                    if (id_, following) in seen:
                        raise Unavailable("HubSpot's paging cursor repeats.", operation="read the contacts of deals")
                    seen.add((id_, following))
                    waiting.append({"id": str(id_), "after": following})
        return links


def _has_all_contacts(row: DecodedJson) -> bool:
    linked = (row.associations or {}).get("contacts")
    return linked is not None and not linked.get("paging")
