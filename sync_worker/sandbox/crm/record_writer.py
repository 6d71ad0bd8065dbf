"""The only door through which records change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sync_worker.sandbox.base.config import Switches
from sync_worker.sandbox.base.object_types import CONTACTS
from sync_worker.sandbox.base.timestamps import iso, parse_ms
from sync_worker.sandbox.crm.audit_log import Change, History, Source
from sync_worker.sandbox.crm.computed_values import derived
from sync_worker.sandbox.crm.lifecycle import FIRST_STAGE, STAGE, date_properties, is_backward
from sync_worker.sandbox.crm.property_definitions import Catalog, PropertyDefinition
from sync_worker.sandbox.crm.records import Records
from sync_worker.sandbox.crm.search_lag import IndexLag
from sync_worker.sandbox.crm.unique_values import Identities
from sync_worker.sandbox.crm.value_validation import ValueProblemError, normalise

Values = dict[str, str | None]


class InvalidValuesError(Exception):
    """Some values of a record would be refused."""

    def __init__(self, problems: list[ValueProblemError]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Editor:
    """Checks and writes the records of one object type, and keeps index, history and stamps in step."""

    records: Records
    catalog: Catalog
    identities: Identities
    history: History
    lag: IndexLag
    switches: Switches
    now_ms: Callable[[], int]

    def check(self, properties: Mapping[str, object], *, row: int | None = None) -> Values:
        """Return the values as they would be stored.

        JSON null is left out: HubSpot's typed models ignore it.

        Raises:
            InvalidValuesError: with every value that HubSpot would refuse.
        """
        values: Values = {}
        problems: list[ValueProblemError] = []
        for name, raw in properties.items():
            if raw is None:
                continue
            try:
                values[name] = self._check_one(name, raw, row)
            except ValueProblemError as problem:
                problems.append(problem)
        if problems:
            raise InvalidValuesError(problems)
        return values

    def update(self, row: int, values: Values, source: Source) -> bool:
        """Write checked values, and tell whether one of them changed anything."""
        wanted = self._forward_only(row, values)
        changed = {name: value for name, value in wanted.items() if self.records.value(row, name) != value}
        if changed or (wanted and self.switches.bump_on_equal_write):
            self._write(row, {**self._stage_dates(changed), **derived(self.records.kind, changed), **changed}, source)
        return bool(changed)

    def touch(self, row: int, values: Values, source: Source) -> None:
        """Write values that the portal itself sets, and move the stamps."""
        self._write(row, values, source)

    def create(self, values: Values, source: Source) -> int:
        """Add a record with checked values and return its row."""
        now, record_id = self.now_ms(), self.records.next_id()
        stamps: Values = dict.fromkeys(self.records.kind.stamps | {"createdate"}, iso(now))
        given = {
            **self._birth(),
            **derived(self.records.kind, values),
            **values,
            **stamps,
            "hs_object_id": str(record_id),
            "hs_object_source": source.type,
        }
        return self._add(record_id, {**given, **self._stage_dates(given)}, source, created=now)

    def restore(self, values: Values, source: Source) -> int:
        """Add a record that takes over the values of others, and return its row."""
        now, record_id = self.now_ms(), self.records.next_id()
        stamps: Values = dict.fromkeys(self.records.kind.stamps, iso(now))
        given = {**values, **stamps, "hs_object_id": str(record_id)}
        created = parse_ms(values.get("createdate") or "")
        return self._add(record_id, given, source, created=now if created is None else created)

    def calculate(self, row: int, values: Mapping[str, str | None]) -> None:
        """Set what the portal calculates: no stamp moves (7c), and search finds it late."""
        changed = {name: value for name, value in values.items() if self.records.value(row, name) != value}
        if changed:
            self.lag.changed(row, {name: self.records.value(row, name) for name in changed}, now=self.now_ms())
        for name, value in changed.items():
            self.records.assign(row, name, value)

    def forget(self, row: int) -> None:
        """Delete a record for good with everything that is known of it."""
        self.identities.remove(row)
        self.identities.block(row)
        for name in self.records.values(row):
            if name not in self.records.kind.always:
                self.records.assign(row, name, None)
        self.records.archived.pop(row, None)
        self.records.gone.add(row)

    def archive(self, row: int) -> None:
        """Delete a record so that it can be restored."""
        now = self.now_ms()
        self.identities.remove(row)
        self.records.archived[row] = now

    def _check_one(self, name: str, raw: object, row: int | None) -> str | None:
        definition = self.catalog.get(name)
        if definition is None:
            raise ValueProblemError(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
        if not definition.writable:
            reason = (
                "is a calculated property; its value cannot be set."
                if definition.calculated
                else "is a read only property; its value cannot be set."
            )
            raise ValueProblemError(name, "READ_ONLY_VALUE", f'"{name}" {reason}')
        value = normalise(definition, raw, current=None if row is None else self.records.value(row, name))
        self._refuse_taken(definition, value, row)
        return value

    def _refuse_taken(self, definition: PropertyDefinition, value: str | None, row: int | None) -> None:
        if value is None or not definition.unique:
            return
        name = definition.name
        if name == "email":  # that somebody has it is a conflict of another kind
            if self.identities.blocked(value):
                raise ValueProblemError(name, "EMAIL_BLOCKLISTED", f"{value} belonged to a contact that was permanently deleted.")
            return
        other = self.identities.find(name, value)
        if other is not None and other != row:
            told = f"{self.records.ids[other]} already has that value of {name}: {value}"
            raise ValueProblemError(name, "CONFLICTING_UNIQUE_VALUE", told)

    def _forward_only(self, row: int, values: Values) -> Values:
        definition = self.catalog.get(STAGE)
        if self.switches.backward_stage == "applied" or definition is None or STAGE not in values:
            return values
        if not is_backward(definition, self.records.value(row, STAGE), values[STAGE]):
            return values
        return {name: value for name, value in values.items() if name != STAGE}

    def _stage_dates(self, values: Values) -> Values:
        stage = values.get(STAGE)
        if self.records.kind is not CONTACTS or stage is None:
            return {}
        return {name: iso(self.now_ms()) for name in date_properties(stage) if name in self.catalog}

    def _birth(self) -> Values:
        if self.records.kind is not CONTACTS:
            return {}
        return {
            STAGE: FIRST_STAGE,
            "hs_pipeline": "contacts-lifecycle-pipeline",
            "hs_marketable_status": "false",
            "hs_all_contact_vids": str(self.records.next_id()),
        }

    def _add(self, record_id: int, values: Values, source: Source, *, created: int) -> int:
        now = self.now_ms()
        row = self.records.append(record_id, values, created=created, modified=now)
        self.identities.add(row)
        self.lag.changed(row, None, now=now)
        for name, value in values.items():
            definition = self.catalog.get(name)
            if value is not None and definition is not None and definition.writable:
                self.history.add(Change(self.records.kind.name, record_id, name, None, value, now, source))
        return row

    def _write(self, row: int, values: Values, source: Source) -> None:
        records, now = self.records, self.now_ms()
        stamps: Values = dict.fromkeys(records.kind.stamps, iso(now))
        self.lag.changed(row, {name: records.value(row, name) for name in (*values, *stamps)}, now=now)
        self.identities.remove(row)
        for name, value in values.items():
            before = records.value(row, name)
            records.assign(row, name, value)
            self.history.add(Change(records.kind.name, records.ids[row], name, before, value, now, source))
        for name, value in stamps.items():
            records.assign(row, name, value)
        records.modified[row] = now
        self.identities.add(row)
