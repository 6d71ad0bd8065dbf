"""The portal as it was at an instant: no row that is younger, and each property with the value that it had."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sync_worker.sandbox.base.object_types import COMPANIES, CONTACTS, DEALS, ObjectType, find_object_type
from sync_worker.sandbox.base.portal_data import PortalData, Row
from sync_worker.sandbox.base.timestamps import parse_ms, to_ms

Histories = Mapping[tuple[str, str], Mapping[str, str | None]]  # (object type, id) → property → value

_IMMUTABLE: Final = {"createdate", "hs_object_id"}
_CLOSED_DEAL: Final = ("dealstage", "hs_is_closed", "hs_is_closed_won")


def take_snapshot(data: PortalData, at: datetime) -> PortalData:
    """Return the portal as of an instant; `property_history` is read at once, the other rows are filtered during iteration.

    Records that did not exist yet, later events, replacements and archivals are left out. A property with a history has the value of that
    time; one without a history keeps its current value (`find_frozen` returns their names). At the present, a record has its own value
    unless it changes later, whatever its history lacks.
    """
    moment = to_ms(at)
    histories = _load_histories(data.property_history, moment, is_past=at < data.now)
    return replace(
        data,
        now=at,
        contacts=_Rows(data.contacts, _record_filter(CONTACTS, histories, moment)),
        companies=_Rows(data.companies, _record_filter(COMPANIES, histories, moment)),
        deals=_Rows(data.deals, _deal_filter(histories, moment)),
        email_events=_Rows(data.email_events, lambda row: _without_later_successor(row, moment) if row["created"] <= moment else None),
        events=_Rows(data.events, lambda row: row if _is_past(row.get("occurredAt"), moment) else None),
        submissions=_Rows(data.submissions, lambda row: row if row["submittedAt"] <= moment else None),
        participations=_Rows(data.participations, lambda row: row if row["properties"]["occurredAt"] <= moment else None),
    )


def find_frozen(data: PortalData, names: Mapping[str, Collection[str]], calculated: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the properties whose current values a snapshot has to use, as `name` or `company.name`.

    They have values and no history. `names` are the properties of interest by object type, `calculated` those that the events give a
    contact, by its id.
    """
    recorded = {(_type_name(row["objectType"]), row["name"]) for row in data.property_history}
    frozen: set[str] = set()
    for kind, rows, prefix in ((CONTACTS.name, data.contacts, ""), (COMPANIES.name, data.companies, "company.")):
        wanted = {name for name in names[kind] if (kind, name) not in recorded} - _IMMUTABLE
        for row in rows:
            known = {name for name in wanted if row["properties"].get(name)}
            frozen |= {f"{prefix}{name}" for name in known - (calculated.get(row["id"], {}).keys() if kind == CONTACTS.name else set())}
    return sorted(frozen)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows for which a function returns a row; it may change them."""

    rows: Iterable[Row]
    convert: Callable[[Row], Row | None]

    def __iter__(self) -> Iterator[Row]:
        return (found for row in self.rows if (found := self.convert(row)) is not None)


def _load_histories(rows: Iterable[Row], moment: int, *, is_past: bool) -> Histories:
    """Return the newest value up to the moment of each property with a history; None if its first value is later.

    If the moment is not past, only the properties that change later have a value.
    """
    newest: dict[tuple[str, str], dict[str, tuple[int, str | None]]] = defaultdict(dict)
    changes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        record, name, time = (_type_name(row["objectType"]), row["id"]), row["name"], parse_ms(row["timestamp"]) or 0
        known = newest[record].setdefault(name, (-1, None))
        if known[0] <= time <= moment:
            newest[record][name] = (time, row.get("value"))
        if is_past or time > moment:
            changes[record].add(name)
    return {record: {name: newest[record][name][1] for name in names} for record, names in changes.items()}


def _type_name(name: str) -> str:
    found = find_object_type(name)
    return found.name if found else name


def _record_filter(object_type: ObjectType, histories: Histories, moment: int) -> Callable[[Row], Row | None]:
    def convert(row: Row) -> Row | None:
        properties = row.get("properties") or {}
        if not _is_past(properties.get("createdate") or row.get("createdAt"), moment):
            return None
        archived = bool(row.get("archived")) and _is_past(row.get("archivedAt"), moment)
        return {**row, "archived": archived, "properties": {**properties, **histories.get((object_type.name, row["id"]), {})}}

    return convert


def _deal_filter(histories: Histories, moment: int) -> Callable[[Row], Row | None]:
    convert = _record_filter(DEALS, histories, moment)

    def convert_deal(row: Row) -> Row | None:
        if (found := convert(row)) is None or _is_past(found["properties"].get("closedate"), moment):
            return found
        # A deal that closes later is open; whether its stage of that time is known depends on the history.
        known = histories.get((DEALS.name, row["id"]), {})
        return {
            **found,
            "properties": {name: value for name, value in found["properties"].items() if name in known or name not in _CLOSED_DEAL},
        }

    return convert_deal


def _without_later_successor(row: Row, moment: int) -> Row:
    successor = row.get("obsoletedBy")
    return row if successor is None or successor["created"] <= moment else {**row, "obsoletedBy": None}


def _is_past(time: str | None, moment: int) -> bool:
    """Return whether a time is not after the moment; a missing or invalid time counts as past."""
    return (parse_ms(time) or 0) <= moment if time else True
