"""A HubSpot portal in memory: everything that the API serves and the web page shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import islice
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from sync_worker.errors import PortalFolderError
from sync_worker.sandbox.base.clock import WoundClock
from sync_worker.sandbox.base.config import Switches
from sync_worker.sandbox.base.object_types import COMPANIES, CONTACTS, DEALS
from sync_worker.sandbox.base.portal_data import PortalData, Row, Tier
from sync_worker.sandbox.base.timestamps import to_ms
from sync_worker.sandbox.crm.associations import Associations
from sync_worker.sandbox.crm.audit_log import Change, History
from sync_worker.sandbox.crm.counter_properties import Counters, no_counters, recount, with_counters
from sync_worker.sandbox.crm.engagement import Engagement
from sync_worker.sandbox.crm.exports import Exports
from sync_worker.sandbox.crm.imports import Imports
from sync_worker.sandbox.crm.lists import Lists, RecordList
from sync_worker.sandbox.crm.object_store import Table, Workshop
from sync_worker.sandbox.crm.owners import Owners
from sync_worker.sandbox.crm.property_definitions import Catalog, PropertyDefinition, PropertyGroup
from sync_worker.sandbox.crm.search import Search, SearchQuery

SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """The state of one portal. Properties of a record are texts; times within the state are epoch milliseconds."""

    id: int
    tier: Tier
    time_zone: str
    zone: tzinfo
    clock: WoundClock
    random: Random
    switches: Switches
    tables: Mapping[str, Table]  # by plural name
    associations: Associations
    engagement: Engagement
    lists: Lists
    owners: Owners
    history: History
    counters: Counters
    exports: Exports = field(default_factory=Exports)
    imports: Imports = field(default_factory=Imports)

    @classmethod
    def load(
        cls,
        data: PortalData,
        *,
        clock: Callable[[], datetime],
        switches: Switches | None = None,
        index_lag_s: float = 3.0,
        seed: int = 0,
        counters: Counters = no_counters,
    ) -> Portal:
        """Take in the rows of a portal, each once.

        Args:
            data: the rows; times in them are taken as they are.
            clock: the portal's present, aware UTC.
            switches: the readings of what HubSpot leaves open.
            index_lag_s: search finds a change within so many seconds.
            seed: of everything random.
            counters: computes the calculated properties of the contacts from the events; the default leaves them out.

        Raises:
            PortalFolderError: rows that cannot be records, or a time zone that does not exist.
        """
        random = Random(seed)  # noqa: S311 -- whatever it decides is no secret
        history, rules = History(), switches or Switches()
        wound = WoundClock(clock)
        workshop = Workshop(history=history, switches=rules, random=random, index_lag_s=index_lag_s, now_ms=lambda: to_ms(wound()))
        engagement = Engagement(data)
        deals = list(data.deals)
        contact_rows = with_counters(data, engagement, deals, counters)
        tables = {
            CONTACTS.name: workshop.table(CONTACTS, contact_rows),
            COMPANIES.name: workshop.table(COMPANIES, data.companies),
            DEALS.name: workshop.table(DEALS, deals),
        }
        return cls(
            id=data.portal_id,
            tier=data.tier,
            time_zone=data.time_zone,
            zone=_zone(data.time_zone),
            clock=wound,
            random=random,
            switches=rules,
            tables=tables,
            associations=Associations(tables[CONTACTS.name].records, deals),
            engagement=engagement,
            lists=Lists(),
            owners=Owners.of(tables[CONTACTS.name], now=to_ms(wound())),
            history=history,
            counters=counters,
        )

    @property
    def contacts(self) -> Table:
        """The contacts."""
        return self.tables[CONTACTS.name]

    @property
    def companies(self) -> Table:
        """The companies."""
        return self.tables[COMPANIES.name]

    @property
    def deals(self) -> Table:
        """The deals."""
        return self.tables[DEALS.name]

    def now_ms(self) -> int:
        """Return the portal's present in epoch milliseconds."""
        return to_ms(self.clock())

    def catch_up(self) -> None:
        """Do what HubSpot would have done by now in its own time: go on with imports."""
        self.imports.work(self.now_ms())

    def catalog(self, kind: str = "contacts") -> Catalog:
        """Return the property definitions and groups of an object type."""
        return self.tables[kind].catalog

    def record(self, kind: str, record_id: int) -> dict[str, str] | None:
        """Return every set property of a visible record; an id that was merged away shows the survivor."""
        table = self.tables[kind]
        row = table.records.survivor(record_id)
        return None if row is None else table.records.values(row)

    def page(self, kind: str, *, offset: int = 0, limit: int = 50) -> list[dict[str, str]]:
        """Return every set property of some visible records, by ascending id."""
        records = self.tables[kind].records
        return [records.values(row) for row in islice(records.live_rows(), offset, offset + limit)]

    def find(self, kind: str, text: str, *, offset: int = 0, limit: int = 50) -> tuple[list[dict[str, str]], int]:
        """Return the records whose name, address or the like contain every word of a text, and how many there are in all."""
        records = self.tables[kind].records
        rows = self.search(kind).rows(SearchQuery(text=text))
        return [records.values(row) for row in rows[offset : offset + limit]], len(rows)

    def search(self, kind: str) -> Search:
        """Return the search of an object type, as its index is now."""
        table = self.tables[kind]

        def linked(row: int, name: str) -> str | None:
            singular = name.removeprefix("associations.")
            to = next((other.kind.name for other in self.tables.values() if singular in {other.kind.singular, other.kind.name}), singular)
            ids = self.associations.of(kind, table.records.ids[row], to)
            return ";".join(map(str, ids)) or None

        return Search(table, now=self.now_ms(), linked=linked)

    def events_of(self, contact_id: int, limit: int = 200) -> list[dict[str, Any]]:
        """Return what a contact did, newest first: {at (epoch milliseconds), kind, row}."""
        contact = self.record("contacts", contact_id) or {}
        return self.engagement.of_contact(contact_id, contact.get("email"), limit)

    def lists_of(self, contact_id: int) -> list[RecordList]:
        """Return the lists that a contact is in."""
        return self.lists.of_record(contact_id)

    def recount(self, row: int) -> None:
        """Calculate the counters of a contact anew from what it did."""
        contact: Row = {"id": str(self.contacts.records.ids[row]), "properties": self.contacts.records.values(row)}
        deals = [
            {"id": str(deal_id), "properties": self.record("deals", deal_id) or {}}
            for deal_id in self.associations.of("contacts", int(contact["id"]), "deals")
        ]
        here = PortalData(portal_id=self.id, tier=self.tier, time_zone=self.time_zone, now=self.clock())
        self.contacts.editor.calculate(row, recount(here, contact, self.engagement, deals, self.counters))

    def grouped_properties(self, kind: str = "contacts") -> Iterator[tuple[PropertyGroup, list[PropertyDefinition]]]:
        """Yield every group with its properties in the order they are displayed."""
        catalog = self.catalog(kind)
        for group in sorted(catalog.groups.values(), key=lambda group: group.display_order):
            yield group, sorted(catalog.members(group.name), key=lambda definition: definition.display_order)

    def changes_of(self, contact_id: int, name: str | None = None) -> list[Change]:
        """Return what was written to a contact since the portal was loaded, newest first."""
        return list(self.history.of("contacts", contact_id, name))

    def recent_changes(self, limit: int = SHOWN, *, custom_only: bool = True) -> list[Change]:
        """Return the last values written to contacts, newest first; of custom properties only, or of all."""
        definitions = self.catalog().definitions.values()
        custom = frozenset(definition.name for definition in definitions if not definition.hubspot_defined)
        return self.history.recent(limit, kind="contacts", properties=custom if custom_only else None)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        hint = "Name one as the tz database does, such as Europe/Berlin."
        raise PortalFolderError(f"portal.json: timeZone {name!r} does not exist.", hint=hint) from None
