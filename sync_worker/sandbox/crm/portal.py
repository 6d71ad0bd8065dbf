"""A HubSpot portal in memory, the data of the API and the web page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import islice
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from sync_worker.sandbox.automation.workflows import WorkflowRegistry
from sync_worker.sandbox.base.clock import AdjustableClock
from sync_worker.sandbox.base.config import Switches
from sync_worker.sandbox.base.errors import PortalFolderError
from sync_worker.sandbox.base.object_types import COMPANIES, CONTACTS, DEALS, TASKS
from sync_worker.sandbox.base.portal_data import PortalData, Row, Tier
from sync_worker.sandbox.base.task_schedule import TaskSchedule
from sync_worker.sandbox.base.timestamps import to_ms
from sync_worker.sandbox.crm.associations import AssociationIndex
from sync_worker.sandbox.crm.audit_log import AuditLog, ChangeSource, PropertyChange
from sync_worker.sandbox.crm.exports import ExportQueue
from sync_worker.sandbox.crm.imports import ImportQueue
from sync_worker.sandbox.crm.lists import ListRegistry, RecordList, parse_lists
from sync_worker.sandbox.crm.object_store import ObjectTable, TableFactory
from sync_worker.sandbox.crm.owners import OwnerRegistry
from sync_worker.sandbox.crm.search import RecordSearch, SearchQuery
from sync_worker.sandbox.crm.subscriptions import SubscriptionStore
from sync_worker.sandbox.events.counter_properties import CounterFunction, add_counters, contact_counters, empty_counters
from sync_worker.sandbox.events.portal_events import Engagement
from sync_worker.sandbox.properties.property_definitions import PropertyCatalog, PropertyDefinition, PropertyGroup

DEFAULT_CHANGE_LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxPortal:
    """The state of one portal; property values are texts, times are epoch milliseconds."""

    id: int
    tier: Tier
    time_zone: str
    zone: tzinfo
    clock: AdjustableClock
    random: Random
    switches: Switches
    tables: Mapping[str, ObjectTable]  # by plural name
    associations: AssociationIndex
    engagement: Engagement
    lists: ListRegistry
    owners: OwnerRegistry
    subscriptions: SubscriptionStore
    audit_log: AuditLog
    counters: CounterFunction
    exports: ExportQueue = field(default_factory=ExportQueue)
    imports: ImportQueue = field(default_factory=ImportQueue)
    workflows: WorkflowRegistry = field(default_factory=WorkflowRegistry)
    scheduled_tasks: TaskSchedule = field(default_factory=TaskSchedule)

    @classmethod
    def load(
        cls,
        data: PortalData,
        *,
        clock: Callable[[], datetime],
        switches: Switches | None = None,
        index_lag_s: float = 3.0,
        seed: int = 0,
        counters: CounterFunction = empty_counters,
    ) -> SandboxPortal:
        """Load a portal; every iterable of `data` is read once.

        Args:
            data: the rows; their times are not shifted.
            clock: the portal's current time, aware UTC.
            switches: interpretations of HubSpot's documentation.
            index_lag_s: maximum delay, in seconds, until search finds a change.
            seed: seed of all random values.
            counters: computes the calculated properties of contacts from their events; the default computes none.

        Raises:
            PortalFolderError: an invalid row, or a time zone that does not exist.
        """
        random = Random(seed)  # noqa: S311 -- not used for secrets
        audit_log, chosen_switches = AuditLog(), switches or Switches()
        portal_clock = AdjustableClock(clock)
        factory = TableFactory(
            audit_log=audit_log, switches=chosen_switches, random=random, index_lag_s=index_lag_s, now_ms=portal_clock.now_ms
        )
        engagement = Engagement(data)
        deals = list(data.deals)
        contact_rows = add_counters(data, engagement, deals, counters)
        definitions = list(data.properties)
        tables = {
            object_type.name: factory.load_table(object_type, rows, [row for row in definitions if row["objectType"] == object_type.name])
            for object_type, rows in ((CONTACTS, contact_rows), (COMPANIES, data.companies), (DEALS, deals), (TASKS, ()))
        }
        return cls(
            id=data.portal_id,
            tier=data.tier,
            time_zone=data.time_zone,
            zone=_load_zone(data.time_zone),
            clock=portal_clock,
            random=random,
            switches=chosen_switches,
            tables=tables,
            associations=AssociationIndex(tables[CONTACTS.name].records, deals),
            engagement=engagement,
            lists=ListRegistry(parse_lists(data.lists, now=to_ms(portal_clock()))),
            owners=OwnerRegistry.from_contacts(tables[CONTACTS.name], now=to_ms(portal_clock())),
            subscriptions=SubscriptionStore(data.subscriptions, now=to_ms(portal_clock())),
            audit_log=audit_log,
            counters=counters,
        )

    @property
    def contacts(self) -> ObjectTable:
        """The contacts."""
        return self.tables[CONTACTS.name]

    @property
    def companies(self) -> ObjectTable:
        """The companies."""
        return self.tables[COMPANIES.name]

    @property
    def deals(self) -> ObjectTable:
        """The deals."""
        return self.tables[DEALS.name]

    def now_ms(self) -> int:
        """Return the portal's current time in epoch milliseconds."""
        return self.clock.now_ms()

    def run_due_tasks(self) -> None:
        """Run HubSpot's background work that is due by now: the rows of imports, events that become visible late."""
        self.imports.advance(self.now_ms())
        self.scheduled_tasks.run_due(self.now_ms())

    def catalog(self, object_type: str = "contacts") -> PropertyCatalog:
        """Return the property definitions and groups of an object type."""
        return self.tables[object_type].catalog

    def record(self, object_type: str, record_id: int) -> dict[str, str] | None:
        """Return the set properties of a visible record; a merged-away id resolves to the surviving record."""
        table = self.tables[object_type]
        row = table.records.find_surviving_row(record_id)
        return None if row is None else table.records.values(row)

    def list_records(self, object_type: str, *, offset: int = 0, limit: int = 50) -> list[dict[str, str]]:
        """Return the set properties of a page of visible records, by ascending id."""
        records = self.tables[object_type].records
        return [records.values(row) for row in islice(records.iter_live_rows(), offset, offset + limit)]

    def find_records(self, object_type: str, text: str, *, offset: int = 0, limit: int = 50) -> tuple[list[dict[str, str]], int]:
        """Return a page of the records whose searchable properties contain every word of a text, and the total."""
        records = self.tables[object_type].records
        rows = self.search(object_type).find_rows(SearchQuery(text=text))
        return [records.values(row) for row in rows[offset : offset + limit]], len(rows)

    def search(self, object_type: str) -> RecordSearch:
        """Return the search of an object type with the current state of its index."""
        table = self.tables[object_type]

        def association_ids(row: int, name: str) -> str | None:
            singular = name.removeprefix("associations.")
            to = next(
                (
                    other.object_type.name
                    for other in self.tables.values()
                    if singular in {other.object_type.singular, other.object_type.name}
                ),
                singular,
            )
            ids = self.associations.find_ids(object_type, table.records.ids[row], to)
            return ";".join(map(str, ids)) or None

        return RecordSearch(table, now=self.now_ms(), association_ids=association_ids)

    def contact_events(self, contact_id: int, limit: int = 200) -> list[dict[str, Any]]:
        """Return the events of a contact, newest first: {at (epoch milliseconds), kind, row}."""
        contact = self.record("contacts", contact_id) or {}
        return self.engagement.contact_events(contact_id, contact.get("email"), limit)

    def contact_lists(self, contact_id: int) -> list[RecordList]:
        """Return the lists that contain a contact."""
        return self.lists.find_by_member(contact_id)

    def set_subscription(self, email: str, subscription: str, status: str, source: ChangeSource) -> int | None:
        """Set the status of an address for a subscription type; return the row of its contact, which counts as changed."""
        self.subscriptions.save({"email": email, "subscription": subscription, "status": status, "timestamp": self.now_ms()})
        row = self.contacts.unique_values.find_row("email", email)
        if row is not None:
            self.contacts.writer.touch(row, {}, source)
        return row

    def recalculate_counters(self, row: int, *, previous: Mapping[str, str] | None = None) -> None:
        """Recalculate the counters of a contact from its events; `previous` counters that are no longer set are cleared."""
        self.contacts.writer.set_calculated(row, {**dict.fromkeys(previous or ()), **self.compute_counters(row)})

    def compute_counters(self, row: int) -> Mapping[str, str]:
        """Return the counters of a contact, computed from its events."""
        contact: Row = {"id": str(self.contacts.records.ids[row]), "properties": self.contacts.records.values(row)}
        deals = [
            {"id": str(deal_id), "properties": self.record("deals", deal_id) or {}}
            for deal_id in self.associations.find_ids("contacts", int(contact["id"]), "deals")
        ]
        header = PortalData(portal_id=self.id, tier=self.tier, time_zone=self.time_zone, now=self.clock())
        return contact_counters(header, contact, self.engagement, deals, self.counters)

    def properties_by_group(self, object_type: str = "contacts") -> Iterator[tuple[PropertyGroup, list[PropertyDefinition]]]:
        """Yield every property group with its properties, in display order."""
        catalog = self.catalog(object_type)
        for group in sorted(catalog.groups.values(), key=lambda group: group.display_order):
            yield group, sorted(catalog.properties_in_group(group.name), key=lambda definition: definition.display_order)

    def contact_changes(self, contact_id: int, property_name: str | None = None) -> list[PropertyChange]:
        """Return the changes of a contact since the portal was loaded, newest first."""
        return list(self.audit_log.record_changes("contacts", contact_id, property_name))

    def recent_changes(self, limit: int = DEFAULT_CHANGE_LIMIT, *, custom_only: bool = True) -> list[PropertyChange]:
        """Return the most recent changes of contacts, newest first; by default of custom properties only."""
        definitions = self.catalog().definitions.values()
        custom = frozenset(definition.name for definition in definitions if not definition.hubspot_defined)
        return self.audit_log.recent_changes(limit, object_type="contacts", properties=custom if custom_only else None)


def _load_zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        hint = "Use an IANA name, such as Europe/Berlin."
        raise PortalFolderError(f"portal.json: timeZone {name!r} does not exist.", hint=hint) from None
