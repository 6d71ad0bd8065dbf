"""Contacts: read in order of ids, by change, by id and by address; written in batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sync_worker.errors import NotFound
from sync_worker.hubspot.api.batch_update import Batch
from sync_worker.hubspot.api.crm_objects import PAGE_SIZE, Objects, above
from sync_worker.hubspot.records.models import Contact, Found, Page, Update, Written
from sync_worker.hubspot.records.parsing import Row, contacts, sense_of
from sync_worker.hubspot.rest.sdk import RAW, Untyped

MERGED = "hs_merged_object_ids"
CONVERTED = "recent_conversion_date"
CONVERSIONS = "num_conversion_events"


class Contacts(Objects[Contact]):
    """The contacts of the portal. `hs_merged_object_ids` is read with every contact."""

    def __init__(self, apis: Untyped) -> None:
        super().__init__("contacts", apis, contacts, modified="lastmodifieddate", always=(MERGED,))

    def archived_page(self, after: int, properties: Sequence[str] = (), *, limit: int = PAGE_SIZE) -> Page[Contact, int]:
        """Return a page of the contacts deleted in the last 90 days; the merged and the erased (GDPR) are not among them."""
        return self.page(after, properties, limit=limit, archived=True)

    def read(self, ids: Iterable[int], properties: Sequence[str], *, archived: bool = False) -> Found[Contact]:
        """Read contacts by id, a hundred a request, strongly consistent; ids that were merged away lead to the survivor."""
        return super().read(ids, properties, archived=archived)

    def converted(self, since: datetime) -> Page[Contact, int]:
        """Return up to 200 contacts who sent a form at `since` or later, with the date of the last and the number of all."""
        return self._searched([[above(CONVERTED, since)]], (CONVERTED, CONVERSIONS))

    def one(self, id_: int, properties: Sequence[str]) -> Contact | None:
        """Return a contact; its id is another one when the asked id was merged away; None where there is none."""
        shape = self._asking(self._names(properties)).shape
        try:
            data: Row = self._basic.get_by_id(str(id_), properties=[",".join(shape.names)], **RAW)
        except NotFound:
            return None
        with sense_of("read one of the contacts"):
            return self._records(shape, [shape.row(data)])[0]

    def by_email(self, address: str, properties: Sequence[str]) -> Contact | None:
        """Return the contact with an e-mail address; the address goes in the body, where no log keeps it."""
        asking = self._asking(self._names(properties))
        body = {"idProperty": "email", "properties": list(asking.shape.names), "inputs": [{"id": address.strip().lower()}]}
        with sense_of("read contacts by id"):
            return next(iter(self._records(asking.shape, asking.batch.read(body, **RAW).results)), None)

    def write(self, updates: Sequence[Update]) -> Written:
        """Write up to 100 contacts and account for every one of them.

        Raises:
            ValueError: more than 100, or an id twice.
            InvalidRequest: a property does not exist or cannot be written: no record's fault.
        """
        return Batch(updates, send=self._write, look_up=self._survivor).written()

    def _write(self, updates: Sequence[Update]) -> Row:
        inputs = [{"id": str(update.id), "properties": update.properties} for update in updates]
        data: Row = self._batch.update({"inputs": inputs}, **RAW)
        return data

    def _survivor(self, id_: int) -> int | None:
        found = self.one(id_, ())
        return found.id if found else None

    def _found(self, asked: Sequence[int], items: tuple[Contact, ...]) -> Found[Contact]:
        found = super()._found(asked, items)
        moved = {old: each.id for each in found.items for old in each.merged_ids & found.missing}
        return Found(items=found.items, missing=found.missing.difference(moved), moved=moved)
