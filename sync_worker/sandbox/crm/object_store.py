"""One object type of the portal: its records with all that is kept about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from sync_worker.sandbox.base.config import Switches
from sync_worker.sandbox.base.object_types import ObjectType
from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.crm import column_loader, property_inference, standard_properties
from sync_worker.sandbox.crm.audit_log import History
from sync_worker.sandbox.crm.computed_values import with_derived
from sync_worker.sandbox.crm.property_definitions import Catalog
from sync_worker.sandbox.crm.record_writer import Editor
from sync_worker.sandbox.crm.records import Records
from sync_worker.sandbox.crm.search_lag import IndexLag
from sync_worker.sandbox.crm.unique_values import Identities


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Records of one object type, what they may hold, how they are found and how they change."""

    kind: ObjectType
    records: Records
    catalog: Catalog
    identities: Identities
    lag: IndexLag
    editor: Editor


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What all tables of a portal share."""

    history: History
    switches: Switches
    random: Random
    index_lag_s: float
    now_ms: Callable[[], int]

    def table(self, kind: ObjectType, rows: Iterable[Row]) -> Table:
        """Load the records of one object type."""
        now = self.now_ms()
        records, catalog = column_loader.load(kind, with_derived(kind, rows), default_ms=now), standard_properties.catalog(kind, now=now)
        property_inference.fit(catalog, records, now=now)
        identities, lag = Identities(records), IndexLag(longest=self.index_lag_s * 1000, random=self.random)
        editor = Editor(
            records=records,
            catalog=catalog,
            identities=identities,
            history=self.history,
            lag=lag,
            switches=self.switches,
            now_ms=self.now_ms,
        )
        return Table(kind=kind, records=records, catalog=catalog, identities=identities, lag=lag, editor=editor)
