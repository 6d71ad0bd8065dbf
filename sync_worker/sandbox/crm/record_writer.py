"""Validates and writes records; all writes to records go through this module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sync_worker.sandbox.base.config import Switches
from sync_worker.sandbox.base.object_types import CONTACTS
from sync_worker.sandbox.base.timestamps import format_iso, parse_ms
from sync_worker.sandbox.crm.audit_log import AuditLog, ChangeSource, PropertyChange
from sync_worker.sandbox.crm.records import RecordStore
from sync_worker.sandbox.crm.search_lag import SearchLag
from sync_worker.sandbox.crm.unique_values import UniqueValueIndex
from sync_worker.sandbox.properties.computed_values import compute_values
from sync_worker.sandbox.properties.lifecycle import INITIAL_STAGE, STAGE_PROPERTY, is_backward, stage_date_properties
from sync_worker.sandbox.properties.property_definitions import PropertyCatalog, PropertyDefinition
from sync_worker.sandbox.properties.validation_rules import ValidationRules
from sync_worker.sandbox.properties.value_validation import InvalidPropertyValueError, normalize_value

PropertyValues = dict[str, str | None]


class InvalidValuesError(Exception):
    """Some values of a record are invalid."""

    def __init__(self, problems: list[InvalidPropertyValueError]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWriter:
    """Validates and writes records of one object type, and updates indexes, audit log and timestamps."""

    records: RecordStore
    catalog: PropertyCatalog
    unique_values: UniqueValueIndex
    audit_log: AuditLog
    search_lag: SearchLag
    switches: Switches
    now_ms: Callable[[], int]
    rules: ValidationRules = field(default_factory=ValidationRules)

    def validate(self, properties: Mapping[str, object], *, row: int | None = None, enforce_required: bool = True) -> PropertyValues:
        """Return the values in stored form.

        JSON null is skipped, as in HubSpot's typed models. `enforce_required` applies the rules about required properties.

        Raises:
            InvalidValuesError: lists every value that HubSpot would reject.
        """
        values: PropertyValues = {}
        problems: list[InvalidPropertyValueError] = []
        for name, raw in properties.items():
            if raw is None:
                continue
            try:
                values[name] = self._validate_value(name, raw, row)
            except InvalidPropertyValueError as problem:
                problems.append(problem)
        stored = {} if row is None else self.records.values(row)
        problems += self.rules.problems(values, {**stored, **values}, is_new=row is None, enforce_required=enforce_required)
        if problems:
            raise InvalidValuesError(problems)
        return values

    def update(self, row: int, values: PropertyValues, source: ChangeSource) -> bool:
        """Write validated values and return whether any value changed."""
        accepted = self._drop_backward_stage(row, values)
        changed = {name: value for name, value in accepted.items() if self.records.value(row, name) != value}
        if changed or (accepted and self.switches.bump_on_equal_write):
            self._write(row, {**self._stage_date_values(changed), **compute_values(self.records.object_type, changed), **changed}, source)
        return bool(changed)

    def touch(self, row: int, values: PropertyValues, source: ChangeSource) -> None:
        """Write values that the portal itself sets, and update the timestamps."""
        self._write(row, values, source)

    def create(self, values: PropertyValues, source: ChangeSource) -> int:
        """Create a record from validated values and return its row."""
        now, record_id = self.now_ms(), self.records.next_id()
        stamps: PropertyValues = dict.fromkeys(self.records.object_type.timestamp_properties | {"createdate"}, format_iso(now))
        given = {
            **self._initial_values(),
            **compute_values(self.records.object_type, values),
            **values,
            **stamps,
            "hs_object_id": str(record_id),
            "hs_object_source": source.type,
        }
        return self._append(record_id, {**given, **self._stage_date_values(given)}, source, created=now)

    def create_merged(self, values: PropertyValues, source: ChangeSource) -> int:
        """Create a record with the combined values of merged records and return its row."""
        now, record_id = self.now_ms(), self.records.next_id()
        stamps: PropertyValues = dict.fromkeys(self.records.object_type.timestamp_properties, format_iso(now))
        given = {**values, **stamps, "hs_object_id": str(record_id)}
        created = parse_ms(values.get("createdate") or "")
        return self._append(record_id, given, source, created=now if created is None else created)

    def set_calculated(self, row: int, values: Mapping[str, str | None]) -> None:
        """Set calculated values: no timestamp changes (hubspot-api.md 7c), and search finds them late."""
        changed = {name: value for name, value in values.items() if self.records.value(row, name) != value}
        if changed:
            self.search_lag.record_change(row, {name: self.records.value(row, name) for name in changed}, now=self.now_ms())
        for name, value in changed.items():
            self.records.set_value(row, name, value)

    def delete_permanently(self, row: int) -> None:
        """Delete a record permanently with its values, and block its email addresses."""
        self.unique_values.remove_emails(row)
        self.unique_values.block_emails(row)
        for name in self.records.values(row):
            if name not in self.records.object_type.mandatory_properties:
                self.records.set_value(row, name, None)
        self.records.archived.pop(row, None)
        self.records.deleted.add(row)

    def archive(self, row: int) -> None:
        """Archive a record; it can be restored."""
        now = self.now_ms()
        self.unique_values.remove_emails(row)
        self.records.archived[row] = now

    def restore(self, row: int) -> None:
        """Restore an archived record; search finds it late."""
        del self.records.archived[row]
        self.unique_values.add_emails(row)
        self.search_lag.record_change(row, None, now=self.now_ms())

    def _validate_value(self, name: str, raw: object, row: int | None) -> str | None:
        definition = self.catalog.get(name)
        if definition is None:
            raise InvalidPropertyValueError(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
        if not definition.is_writable:
            reason = (
                "is a calculated property; its value cannot be set."
                if definition.calculated
                else "is a read only property; its value cannot be set."
            )
            raise InvalidPropertyValueError(name, "READ_ONLY_VALUE", f'"{name}" {reason}')
        value = normalize_value(definition, raw, current=None if row is None else self.records.value(row, name))
        self._reject_duplicate(definition, value, row)
        return value

    def _reject_duplicate(self, definition: PropertyDefinition, value: str | None, row: int | None) -> None:
        if value is None or not definition.unique:
            return
        name = definition.name
        if name == "email":  # the API reports an existing address as a 409
            if self.unique_values.is_blocked(value):
                raise InvalidPropertyValueError(name, "EMAIL_BLOCKLISTED", f"{value} belonged to a contact that was permanently deleted.")
            return
        other = self.unique_values.find_row(name, value)
        if other is not None and other != row:
            message = f"{self.records.ids[other]} already has that value of {name}: {value}"
            raise InvalidPropertyValueError(name, "CONFLICTING_UNIQUE_VALUE", message)

    def _drop_backward_stage(self, row: int, values: PropertyValues) -> PropertyValues:
        definition = self.catalog.get(STAGE_PROPERTY)
        if self.switches.backward_stage == "applied" or definition is None or STAGE_PROPERTY not in values:
            return values
        if not is_backward(definition, self.records.value(row, STAGE_PROPERTY), values[STAGE_PROPERTY]):
            return values
        return {name: value for name, value in values.items() if name != STAGE_PROPERTY}

    def _stage_date_values(self, values: PropertyValues) -> PropertyValues:
        stage = values.get(STAGE_PROPERTY)
        if self.records.object_type is not CONTACTS or stage is None:
            return {}
        return {name: format_iso(self.now_ms()) for name in stage_date_properties(stage) if name in self.catalog}

    def _initial_values(self) -> PropertyValues:
        if self.records.object_type is not CONTACTS:
            return {}
        return {
            STAGE_PROPERTY: INITIAL_STAGE,
            "hs_pipeline": "contacts-lifecycle-pipeline",
            "hs_marketable_status": "false",
            "hs_all_contact_vids": str(self.records.next_id()),
        }

    def _append(self, record_id: int, values: PropertyValues, source: ChangeSource, *, created: int) -> int:
        now = self.now_ms()
        row = self.records.append(record_id, values, created=created, modified=now)
        self.unique_values.add_emails(row)
        self.search_lag.record_change(row, None, now=now)
        for name, value in values.items():
            definition = self.catalog.get(name)
            if value is not None and definition is not None and definition.is_writable:
                self.audit_log.add(PropertyChange(self.records.object_type.name, record_id, name, None, value, now, source))
        return row

    def _write(self, row: int, values: PropertyValues, source: ChangeSource) -> None:
        records, now = self.records, self.now_ms()
        stamps: PropertyValues = dict.fromkeys(records.object_type.timestamp_properties, format_iso(now))
        self.search_lag.record_change(row, {name: records.value(row, name) for name in (*values, *stamps)}, now=now)
        self.unique_values.remove_emails(row)
        for name, value in values.items():
            before = records.value(row, name)
            records.set_value(row, name, value)
            self.audit_log.add(PropertyChange(records.object_type.name, records.ids[row], name, before, value, now, source))
        for name, value in stamps.items():
            records.set_value(row, name, value)
        records.modified[row] = now
        self.unique_values.add_emails(row)
