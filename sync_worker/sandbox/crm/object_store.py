"""Records of one object type with their property catalog, indexes and writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from sync_worker.sandbox.base.config import Switches
from sync_worker.sandbox.base.object_types import ObjectType
from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.crm import column_loader
from sync_worker.sandbox.crm.audit_log import AuditLog
from sync_worker.sandbox.crm.record_writer import RecordWriter
from sync_worker.sandbox.crm.records import RecordStore
from sync_worker.sandbox.crm.search_lag import SearchLag
from sync_worker.sandbox.crm.unique_values import UniqueValueIndex
from sync_worker.sandbox.properties import portal_definitions, property_inference, standard_properties
from sync_worker.sandbox.properties.computed_values import add_computed_values
from sync_worker.sandbox.properties.property_definitions import PropertyCatalog


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectTable:
    """The records of one object type and their property catalog, unique values, search lag and writer."""

    object_type: ObjectType
    records: RecordStore
    catalog: PropertyCatalog
    unique_values: UniqueValueIndex
    search_lag: SearchLag
    writer: RecordWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFactory:
    """Creates tables from the parts that all tables of a portal share."""

    audit_log: AuditLog
    switches: Switches
    random: Random
    index_lag_s: float
    now_ms: Callable[[], int]

    def load_table(self, object_type: ObjectType, rows: Iterable[Row], definitions: Iterable[Row] = ()) -> ObjectTable:
        """Load the records of one object type; `definitions` are the portal's own properties."""
        now = self.now_ms()
        records, catalog = (
            column_loader.load_records(object_type, add_computed_values(object_type, rows), default_ms=now),
            standard_properties.standard_catalog(object_type, now=now),
        )
        portal_definitions.save_definitions(catalog, definitions, now=now)
        property_inference.infer_properties(catalog, records.columns, now=now)
        unique_values, search_lag = UniqueValueIndex(records), SearchLag(max_lag_ms=self.index_lag_s * 1000, random=self.random)
        writer = RecordWriter(
            records=records,
            catalog=catalog,
            unique_values=unique_values,
            audit_log=self.audit_log,
            search_lag=search_lag,
            switches=self.switches,
            now_ms=self.now_ms,
        )
        return ObjectTable(
            object_type=object_type, records=records, catalog=catalog, unique_values=unique_values, search_lag=search_lag, writer=writer
        )
