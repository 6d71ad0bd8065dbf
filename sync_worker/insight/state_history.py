"""The history of a portal from the state."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

import polars as pl
from sqlalchemy import Connection

from sync_worker.errors import ConfigurationError
from sync_worker.insight.history_gaps import HistoryGaps
from sync_worker.insight.merge_chain import find_survivors
from sync_worker.insight.portal_history import (
    COMPANY_COLUMNS,
    COMPANY_ID,
    CONTACT_COLUMNS,
    DEAL_COLUMNS,
    EVENT_COLUMNS,
    MERGE_COLUMNS,
    STAGE_COLUMNS,
    SUBSCRIPTION_COLUMNS,
    VALUE_COLUMNS,
    PortalHistory,
)
from sync_worker.model.compiled.facts import EVENT_SCHEMA
from sync_worker.model.compiled.frames import build_frame
from sync_worker.model.compiled.model import Model
from sync_worker.store import verdicts
from sync_worker.store.facts import contacts, deals, merges, property_values, stage_dates

#: Of the contacts; those whose creation is not known are left out of the past.
MAX_UNDATED: Final = 0.01
_OWN: Final = ("email", COMPANY_ID)


def load_state_history(
    tx: Connection,
    models: Collection[Model],
    hidden_kinds: frozenset[str],
    now: datetime,
    *,
    only_ids: Sequence[int] | None = None,
    outcomes_read_at: datetime | None = None,
    complete_since: datetime | None = None,
    deleted_before: Mapping[str, datetime] | None = None,
) -> PortalHistory:
    """Return the history of all contacts, or of some, with what the models use.

    `hidden_kinds` are the kinds of event that the portal does not show. Contacts that were deleted are left out, because the state does not
    know when. The subscriptions are those of now, and HubSpot's mark of bots on events as well. `deleted_before`: the times before which
    the state has no events any more, by kind.
    """
    merged = merges.load(tx)
    dates = stage_dates.load(tx)
    verdicts.select_all(tx, only_ids=only_ids)
    events = [build_frame(part, EVENT_SCHEMA) for part in ((), *verdicts.load_selected_events(tx))]
    kinds = frozenset().union(*(model.event_kinds for model in models)) - hidden_kinds
    records = _load_contacts(tx, models, merged, dates)
    deleted = _select_cutoffs(deleted_before or {}, records)
    return PortalHistory(
        now=now,
        contacts=records,
        companies=_load_companies(tx, models),
        events=pl.concat(events).with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in _event_extras().items()),
        values=build_frame(property_values.load(tx, only_ids), VALUE_COLUMNS),
        subscriptions=build_frame(_subscription_rows(tx), SUBSCRIPTION_COLUMNS),
        deals=build_frame(_survivor_deals(deals.load_links(tx), merged), DEAL_COLUMNS),
        stages=build_frame([row for row in dates if row.stage != stage_dates.CREATED], STAGE_COLUMNS),
        merges=build_frame(merged, MERGE_COLUMNS),
        hidden_kinds=hidden_kinds,
        complete_kinds=kinds - deleted.keys(),
        frozen=("createdate",) if records["created_at"].has_nulls() else (),
        outcomes_read_at=outcomes_read_at,
        complete_since=complete_since,
        gaps=HistoryGaps(deleted_before=deleted),
    )


def raise_if_unread(history: PortalHistory) -> None:
    """Raise ConfigurationError if a question about the past has no answer: outcomes or the creation of contacts have not been read."""
    records = history.contacts.filter(pl.col("removed_at").is_null())
    unknown = records["created_at"].null_count()
    hint = "Run `sync-worker outcomes` first: it reads deals, lifecycle stages and dates of creation."
    if history.outcomes_read_at is None:
        raise ConfigurationError("What became of contacts has not been read from HubSpot.", hint=hint)
    if unknown > MAX_UNDATED * records.height:
        raise ConfigurationError(f"The creation of {unknown:,} of {records.height:,} contacts is not known.", hint=hint)


def _select_cutoffs(deleted_before: Mapping[str, datetime], records: pl.DataFrame) -> Mapping[str, datetime]:
    """Return the times after the creation of the first contact: before it, there was no event to delete."""
    first = records["created_at"].min() if not records["created_at"].has_nulls() else None
    return {kind: at for kind, at in deleted_before.items() if not isinstance(first, datetime) or first < at}


def _event_extras() -> dict[str, pl.DataType | type[pl.DataType]]:
    return {name: dtype for name, dtype in EVENT_COLUMNS.items() if name not in EVENT_SCHEMA}


def _load_contacts(
    tx: Connection, models: Collection[Model], merged: Sequence[tuple[int, int, int | None]], dates: Sequence[stage_dates.StageDate]
) -> pl.DataFrame:
    names = sorted(set[str]().union(*(model.contact_properties for model in models)).difference(_OWN))
    rows = verdicts.load_selected_records(tx)
    schema = {"contact_id": pl.Int64, "email": pl.String, COMPANY_ID: pl.Int64, "facts": pl.String, "gone": pl.Boolean}
    frame = build_frame(rows, schema)
    created = {row.contact_id: row.at for row in dates if row.stage == stage_dates.CREATED}
    removed = {old_id: at for old_id, _, at in merged if at is not None}
    frame = frame.filter(~pl.col("gone") | pl.col("contact_id").is_in(list(removed)))
    ids = frame["contact_id"].to_list()
    frame = frame.with_columns(
        pl.Series("created_at", [created.get(id_) for id_ in ids], dtype=pl.Int64).cast(CONTACT_COLUMNS["created_at"]),
        pl.Series("removed_at", [removed.get(id_) for id_ in ids], dtype=pl.Int64).cast(CONTACT_COLUMNS["removed_at"]),
        pl.col(COMPANY_ID).cast(pl.String),
    )
    return _decode_facts(frame, names).select(*CONTACT_COLUMNS, *_OWN, *names)


def _load_companies(tx: Connection, models: Collection[Model]) -> pl.DataFrame:
    names = sorted(set[str]().union(*(model.company_properties for model in models)))
    frame = build_frame(contacts.load_companies(tx) if names else [], {"company_id": pl.Int64, "facts": pl.String})
    times = (pl.lit(None, dtype=dtype).alias(name) for name, dtype in COMPANY_COLUMNS.items() if name != "company_id")
    return _decode_facts(frame.with_columns(times), names).select(*COMPANY_COLUMNS, *names)


def _decode_facts(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    if not names:
        return frame
    values = frame["facts"].str.json_decode(pl.Struct(dict.fromkeys(names, pl.String)))
    return frame.hstack(values.struct.unnest())


def _subscription_rows(tx: Connection) -> list[tuple[int, str, None, bool]]:
    return [
        (contact_id, name, None, subscribed)
        for contact_id, *lists in verdicts.load_selected_subscriptions(tx)
        for names, subscribed in zip(lists, (True, False), strict=True)
        for name in (names or "").split(";")
        if name
    ]


def _survivor_deals(rows: Sequence[Sequence[object]], merged: Sequence[tuple[int, int, int | None]]) -> list[tuple[object, ...]]:
    """Return the deals with the contacts that still exist."""
    found = find_survivors((old_id, survivor) for old_id, survivor, _ in merged)
    survivors: dict[object, int] = dict(found.items())
    return list({(deal_id, survivors.get(contact_id, contact_id), *others) for deal_id, contact_id, *others in rows})
