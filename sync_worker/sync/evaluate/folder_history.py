"""The history of a portal folder, for questions about the past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import polars as pl

from sync_worker.batched import batched
from sync_worker.hubspot.records.field_types import (
    MAX_ID_DIGITS,
    UnreadableField,
    normalize_email,
    parse_optional_timestamp,
    parse_timestamp,
)
from sync_worker.hubspot.records.row_parser import JsonObject
from sync_worker.insight.counters import find_counted_kinds
from sync_worker.insight.history_gaps import HistoryGaps
from sync_worker.insight.merge_chain import find_survivors
from sync_worker.insight.portal_history import (
    COMPANY,
    COMPANY_COLUMNS,
    COMPANY_ID,
    CONTACT,
    CONTACT_COLUMNS,
    DEAL_COLUMNS,
    EVENT_COLUMNS,
    MERGE_COLUMNS,
    STAGE_COLUMNS,
    SUBSCRIPTION_COLUMNS,
    VALUE_COLUMNS,
    PortalHistory,
    Schema,
)
from sync_worker.model.compiled.frames import build_frame
from sync_worker.model.compiled.model import Model
from sync_worker.sync.evaluate.portal_folder import PortalFolder
from sync_worker.sync.portal.hidden_kinds import select_hidden_kinds
from sync_worker.timestamps import from_ms

_ROWS_PER_FRAME: Final = 5_000
_IDENTITY: Final = ("email", COMPANY_ID)
_OBJECT_TYPES: Final = {"contacts": CONTACT, "contact": CONTACT, "0-1": CONTACT, "companies": COMPANY, "company": COMPANY, "0-2": COMPANY}
_DEAL_TYPES: Final = {"deals", "deal", "0-3"}
_STAGE_PREFIX, _STAGE_SUFFIX = "hs_lifecyclestage_", "_date"


def build_folder_history(folder: PortalFolder, models: Collection[Model], now: datetime) -> PortalHistory:
    """Return the history of a portal folder with what the models use. The rows may be younger than `now`, the present of the folder."""
    rows = _FolderRows(
        contact_names=sorted({*_IDENTITY}.union(*(model.contact_properties for model in models))),
        company_names=sorted(set[str]().union(*(model.company_properties for model in models))),
    )
    values = rows.read_values(folder.property_history)
    contacts = rows.read_contacts(folder.contacts)
    merges = build_frame(rows.merges, MERGE_COLUMNS)
    kinds = frozenset().union(*(model.source_kinds for model in models))
    hidden = select_hidden_kinds(kinds, shows_occurrences=folder.shows_occurrences, shows_subscriptions=True)
    counted = find_counted_kinds(rows.contact_names)
    history = PortalHistory(
        now=now,
        contacts=contacts,
        companies=rows.read_companies(folder.companies),
        events=rows.read_events(folder, kinds | counted),
        values=values,
        subscriptions=rows.read_subscriptions(folder.subscriptions),
        deals=rows.read_deals(folder.deals),
        stages=build_frame(rows.stages, STAGE_COLUMNS),
        merges=merges,
        hidden_kinds=hidden,
        complete_kinds=counted,
        shows_counters=False,
    )
    return replace(history, gaps=HistoryGaps(unreadable=rows.unreadable + folder.unreadable))


@dataclass(frozen=True, slots=True, kw_only=True)
class _FolderRows:
    """Reads the rows of a folder; contacts and earlier values first, because the others refer to them."""

    contact_names: list[str]
    company_names: list[str]
    owners: dict[str, tuple[int, ...]] = field(default_factory=dict)  # the contacts of each address
    primary_owners: dict[str, tuple[int, ...]] = field(default_factory=dict)  # those whose primary address it is
    merges: list[tuple[int, int, datetime | None]] = field(default_factory=list)
    stages: list[tuple[int, str, datetime]] = field(default_factory=list)
    deal_stages: dict[int, list[tuple[datetime, str | None]]] = field(default_factory=dict)
    unreadable: Counter[str] = field(default_factory=Counter)  # times, by file and field

    def read_values(self, rows: Iterable[JsonObject]) -> pl.DataFrame:
        found: list[tuple[str, int, str, datetime, str | None]] = []
        for row in rows:
            kind, id_, name, value = _OBJECT_TYPES.get(row["objectType"]), int(row["id"]), row["name"], row.get("value")
            if (at := self.parse_time("property_history: timestamp", row["timestamp"])) is None:
                continue
            if kind == CONTACT and name == "lifecyclestage" and value:
                self.stages.append((id_, value, at))
            if row["objectType"] in _DEAL_TYPES and name == "dealstage":
                self.deal_stages.setdefault(id_, []).append((at, value))
            if name in {CONTACT: self.contact_names, COMPANY: self.company_names}.get(kind or "", ()):
                found.append((str(kind), id_, name, at, value))
        return build_frame(found, VALUE_COLUMNS)

    def read_contacts(self, rows: Iterable[JsonObject]) -> pl.DataFrame:
        schema = {**CONTACT_COLUMNS, **dict.fromkeys(self.contact_names, pl.String)}
        return _build_in_batches(map(self._read_contact, rows), schema)

    def _read_contact(self, row: JsonObject) -> tuple[object, ...]:
        id_, properties = int(row["id"]), row.get("properties") or {}
        self._add_addresses(id_, properties, is_live=not row.get("archived"))
        self.stages.extend(self._read_stages(id_, properties))
        self.merges.extend(_read_merges(id_, properties))
        return (id_, *self._read_lifetime("contacts", row), *map(properties.get, self.contact_names))

    def _add_addresses(self, id_: int, properties: JsonObject, *, is_live: bool) -> None:
        """Save the addresses of a contact; HubSpot counts events for the live contact with this primary address, else for the first one."""
        if email := normalize_email(properties.get("email")):
            others = self.owners.get(email)
            self.primary_owners[email] = (*self.primary_owners.get(email, ()), id_)
            self.owners[email] = (id_,) if others is None else _add_owner(others, id_, is_first=is_live)
        for address in (properties.get("hs_additional_emails") or "").split(";"):
            if email := normalize_email(address):
                self.owners[email] = _add_owner(self.owners.get(email, ()), id_, is_first=False)

    def read_companies(self, rows: Iterable[JsonObject]) -> pl.DataFrame:
        found = [
            (int(row["id"]), *self._read_lifetime("companies", row), *map((row.get("properties") or {}).get, self.company_names))
            for row in rows
        ]
        return build_frame(found, {**COMPANY_COLUMNS, **dict.fromkeys(self.company_names, pl.String)})

    def read_events(self, folder: PortalFolder, kinds: Collection[str]) -> pl.DataFrame:
        """Return the events, with a row for each contact that HubSpot shows an event for."""
        forms = {str(row["id"]): row["name"] for row in folder.forms}
        survivors = self.find_survivors()
        frames = [_complete_events(frame, survivors, forms) for frame in folder.read_events(kinds, self.owners)]
        return _drop_duplicates([build_frame((), EVENT_COLUMNS), *frames])

    def _read_lifetime(self, file: str, row: JsonObject) -> tuple[datetime | None, datetime | None]:
        """Return when a record was created and archived; an archived record without a time never counts."""
        created = self.parse_time(f"{file}: createdate", (row.get("properties") or {}).get("createdate") or row.get("createdAt"))
        if not row.get("archived"):
            return created, None
        return created, self.parse_time(f"{file}: archivedAt", row.get("archivedAt")) or from_ms(0)

    def _read_stages(self, id_: int, properties: JsonObject) -> Iterator[tuple[int, str, datetime]]:
        for name in [name for name in properties if name.startswith(_STAGE_PREFIX) and name.endswith(_STAGE_SUFFIX)]:
            if at := self.parse_time(f"contacts: {name}", properties[name]):
                yield id_, name.removeprefix(_STAGE_PREFIX).removesuffix(_STAGE_SUFFIX), at

    def parse_time(self, field_name: str, value: object) -> datetime | None:
        """Return a time, or None for no value and for one that cannot be read, which is counted."""
        try:
            return parse_timestamp(value) if value else None
        except UnreadableField:
            self.unreadable[field_name] += 1
            return None

    def find_survivors(self) -> dict[int, int]:
        """Return the contact that each merged-away contact is part of now."""
        return find_survivors((old_id, survivor) for old_id, survivor, _ in self.merges)

    def read_subscriptions(self, rows: Iterable[JsonObject]) -> pl.DataFrame:
        found = [
            (owner, row["subscription"], at, row["status"] == "SUBSCRIBED")
            for row in rows
            if row["status"] in {"SUBSCRIBED", "UNSUBSCRIBED"}
            and (at := self.parse_time("subscriptions: timestamp", row["timestamp"])) is not None
            for owner in self.primary_owners.get(normalize_email(row["email"]) or "", ())
        ]
        return build_frame(found, SUBSCRIPTION_COLUMNS)

    def read_deals(self, rows: Iterable[JsonObject]) -> pl.DataFrame:
        survivors = self.find_survivors()
        found: list[tuple[object, ...]] = []
        for row in rows:
            id_, properties = int(row["id"]), row.get("properties") or {}
            created_text = properties.get("createdate") or row.get("createdAt")
            created, closed_at = self.parse_time("deals: createdate", created_text), self._find_close(id_, properties)
            if created is None and created_text:
                continue  # a deal of an unknown time says nothing about any time
            won = properties.get("hs_is_closed_won") == "true" or properties.get("dealstage") == "closedwon"
            amount = _number(properties.get("amount"))
            contacts = dict.fromkeys(survivors.get(int(contact), int(contact)) for contact in row["contactIds"])
            found.extend((id_, contact, created, closed_at, won, amount) for contact in contacts)
        return build_frame(found, DEAL_COLUMNS)

    def _find_close(self, id_: int, properties: JsonObject) -> datetime | None:
        """Return when the deal reached the closed stage that it has now: by its history, else by the close date; None if it is open."""
        stage = properties.get("dealstage")
        flags = (properties.get("hs_is_closed"), properties.get("hs_is_closed_won"))
        if "true" not in flags and stage not in {"closedwon", "closedlost"}:
            return None
        times = [at for at, value in self.deal_stages.get(id_, ()) if value == stage]
        return max(times) if times else self.parse_time("deals: closedate", properties.get("closedate"))


def _build_in_batches(rows: Iterable[tuple[object, ...]], schema: Schema) -> pl.DataFrame:
    """Return the rows as a frame, built in parts, because rows take ten times the memory of a frame."""
    return pl.concat([build_frame((), schema), *(build_frame(part, schema) for part in batched(rows, _ROWS_PER_FRAME))])


def _complete_events(events: pl.DataFrame, survivors: Mapping[int, int], forms: Mapping[str, str]) -> pl.DataFrame:
    """Return the events of a file with the contacts that have survived, and the names of forms."""
    form_id = pl.col("form_id")
    return events.with_columns(
        contact_id=pl.col("contact_id").replace(survivors),
        former_id=pl.when(pl.col("contact_id").is_in(list(survivors))).then("contact_id"),
        form_name=pl.when(form_id != "").then(form_id.replace(forms)),
    ).select(EVENT_COLUMNS.keys())


def _drop_duplicates(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the frames as one, of equal events the first. Few are equal, and hashes take a tenth of the memory of all keys."""
    key = pl.struct("contact_id", "kind", "event_id")
    hashes = pl.concat([frame.select(hash=key.hash()) for frame in frames])["hash"]
    events = pl.concat(frames).with_row_index()
    suspects = events.filter(hashes.is_duplicated())
    repeated = suspects.filter(~key.is_first_distinct())["index"]
    return events.filter(~pl.col("index").is_in(repeated.implode())).drop("index")


def _add_owner(owners: tuple[int, ...], id_: int, *, is_first: bool) -> tuple[int, ...]:
    return tuple(dict.fromkeys((id_, *owners) if is_first else (*owners, id_)))


def _read_merges(id_: int, properties: JsonObject) -> Iterator[tuple[int, int, datetime | None]]:
    if not (old_ids := properties.get("hs_merged_object_ids")):
        return
    times = dict(part.partition(":")[::2] for part in (properties.get("hs_calculated_merged_vids") or "").split(";"))
    for old in old_ids.split(";"):
        if old.isdecimal() and len(old) <= MAX_ID_DIGITS and int(old) != id_:
            yield int(old), id_, parse_optional_timestamp(times.get(old))


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
