"""Contacts API: list, search, read by id or email, write in batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sync_worker.hubspot.api.crm.batch_update import BatchUpdate
from sync_worker.hubspot.api.crm.crm_objects import Objects, RecordPage, build_filter, build_search_body, build_since_filter
from sync_worker.hubspot.api.crm.write_session import WriteSession
from sync_worker.hubspot.records.field_parsers import parse_contacts, translate_parse_errors
from sync_worker.hubspot.records.field_types import Count, convert
from sync_worker.hubspot.records.models import BatchReadResult, BatchWriteResult, Contact, ContactUpdate, ResultPage
from sync_worker.hubspot.records.row_parser import JsonObject, RowParser
from sync_worker.hubspot.rest.sdk import RAW, Untyped

MERGED_IDS_PROPERTY = "hs_merged_object_ids"
CREATION_PROPERTY = "createdate"
LAST_CONVERSION_PROPERTY = "recent_conversion_date"
PAGE_VIEWS_PROPERTY = "hs_analytics_num_page_views"
CONVERSION_COUNT_PROPERTY = "num_conversion_events"


class Contacts(Objects[Contact]):
    """The contacts of the portal. Every read includes `hs_merged_object_ids`."""

    def __init__(self, apis: Untyped, rows: RowParser) -> None:
        super().__init__("contacts", apis, parse_contacts, rows, modified_property="lastmodifieddate", required=(MERGED_IDS_PROPERTY,))

    def read(self, ids: Iterable[int], properties: Sequence[str], *, archived: bool = False) -> BatchReadResult[Contact]:
        """Read contacts by id, 100 per request, strongly consistent. Ids of merged contacts resolve to the surviving contact."""
        return super().read(ids, properties, archived=archived)

    def search_converted(self, since: datetime) -> ResultPage[Contact, int]:
        """Return up to 200 contacts that submitted a form at `since` or later, with the last date and the number of submissions."""
        return self._search_page(
            [[build_since_filter(LAST_CONVERSION_PROPERTY, since)]], (LAST_CONVERSION_PROPERTY, CONVERSION_COUNT_PROPERTY)
        )

    def search_created_or_converted(self, since: datetime, properties: Sequence[str]) -> Sequence[Contact]:
        """Return up to 200 contacts that were created or submitted a form at `since` or later, the newest contacts first."""
        groups = [[build_since_filter(name, since)] for name in (CREATION_PROPERTY, LAST_CONVERSION_PROPERTY)]
        return self._search_page(groups, properties, direction="DESCENDING").items

    def search_newest(self) -> ResultPage[Contact, int]:
        """Return the up to 200 contacts with the highest ids, without properties; `total` counts all contacts."""
        return self._search_page([], (), direction="DESCENDING")

    def search_known(self, names: Sequence[str], since: datetime | None, after_id: int) -> ResultPage[Contact, int]:
        """Return up to 200 contacts with a value of at least one of up to five properties, changed at `since` or later, in order of id."""
        changed = [] if since is None else [build_since_filter(self._modified_property, since)]
        after = build_filter("hs_object_id", "GT", after_id)
        groups: list[list[JsonObject]] = [[{"propertyName": name, "operator": "HAS_PROPERTY"}, after, *changed] for name in names]
        return self._search_page(groups, (*names, CREATION_PROPERTY))

    def counts_page_views(self) -> bool:
        """Return whether HubSpot counts page views of any contact."""
        data = self._post_search(build_search_body([[build_filter(PAGE_VIEWS_PROPERTY, "GT", 0)]], ("hs_object_id",), limit=1))
        with translate_parse_errors("search contacts"):
            return convert(data["total"], Count) > 0

    def write(self, updates: Sequence[ContactUpdate], session: WriteSession | None = None) -> BatchWriteResult:
        """Write up to 100 contacts and return the result of each one. The batches of a run share a session.

        Raises:
            ValueError: more than 100 updates, or two for one id.
            InvalidRequest: a property does not exist or is read-only.
        """
        return BatchUpdate(updates, send=self._send_batch, find=self._find, session=session or WriteSession()).execute()

    def _send_batch(self, updates: Sequence[ContactUpdate]) -> JsonObject:
        # With trace ids, HubSpot may write the valid contacts of a batch and name the others.
        inputs = [{"id": str(update.id), "properties": update.properties, "objectWriteTraceId": str(update.id)} for update in updates]
        data: JsonObject = self._batch.update({"inputs": inputs}, **RAW)
        return data

    def _find(self, ids: Iterable[int]) -> BatchReadResult[Contact]:
        return self.read(ids, ())

    def _build_read_result(self, requested_ids: Sequence[int], page: RecordPage[Contact]) -> BatchReadResult[Contact]:
        found = super()._build_read_result(requested_ids, page)
        merged = {old: each.id for each in found.items for old in each.merged_ids & found.missing}
        return BatchReadResult(items=found.items, missing=found.missing.difference(merged), merged_into=merged)
