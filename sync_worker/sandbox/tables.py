"""One object type of the portal: its records with all that is kept about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from sync_worker.sandbox import discovery, loading, standard
from sync_worker.sandbox.data import Row
from sync_worker.sandbox.deriving import with_derived
from sync_worker.sandbox.editing import Editor
from sync_worker.sandbox.history import History
from sync_worker.sandbox.identities import Identities
from sync_worker.sandbox.index_lag import IndexLag
from sync_worker.sandbox.object_types import ObjectType
from sync_worker.sandbox.options import Switches
from sync_worker.sandbox.records import Records
from sync_worker.sandbox.schema import Catalog


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
        records, catalog = loading.load(kind, with_derived(kind, rows), default_ms=now), standard.catalog(kind, now=now)
        discovery.fit(catalog, records, now=now)
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
