"""Parsers of HubSpot's JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from sync_worker.errors import Unavailable
from sync_worker.hubspot.records.decoder import DecodedJson, RecordDecoder, property_values
from sync_worker.hubspot.records.models import (
    AccountDetails,
    Company,
    Contact,
    ContactList,
    DailyUsage,
    Deal,
    Form,
    PropertyDefinition,
    PropertyGroup,
    PropertyOption,
)
from sync_worker.timestamps import from_ms

JsonObject = dict[str, Any]
RecordT = TypeVar("RecordT", Contact, Company)


@contextmanager
def translate_parse_errors(operation: str) -> Iterator[None]:
    """Raise Unavailable for a reply with a missing or invalid field: a failed read is never treated as an empty one."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        cause = f"{type(error).__name__} {error}" if isinstance(error, KeyError) else type(error).__name__
        hint = "HubSpot may have changed its API, or a proxy answers in its place."
        raise Unavailable(f"HubSpot's reply has an unexpected format ({cause}).", operation=operation, hint=hint) from error


def parse_timestamp(text: str) -> datetime:
    """Parse a HubSpot time, ISO 8601 or milliseconds since 1970, to aware UTC."""
    if text[-1:] == "Z":  # the usual case
        return datetime.fromisoformat(text)
    return from_ms(int(text)) if text.isdecimal() else datetime.fromisoformat(text).astimezone(UTC)


def parse_next_cursor(paging: JsonObject | None) -> str | None:
    """Return the cursor of the next page from the `paging` of a reply, or None on the last page."""
    following = (paging or {}).get("next") or {}
    return following.get("after")


def parse_contacts(decoder: RecordDecoder, rows: Iterable[DecodedJson]) -> tuple[Contact, ...]:
    """Parse contacts."""
    return _parse_records(Contact, decoder, rows)


def parse_companies(decoder: RecordDecoder, rows: Iterable[DecodedJson]) -> tuple[Company, ...]:
    """Parse companies."""
    return _parse_records(Company, decoder, rows)


def _parse_records(record_type: type[RecordT], decoder: RecordDecoder, rows: Iterable[DecodedJson]) -> tuple[RecordT, ...]:
    return tuple([record_type(row.id, decoder.names, property_values(row.properties), row.updated_at, row.archived) for row in rows])


def parse_deals(decoder: RecordDecoder, rows: Iterable[DecodedJson]) -> tuple[Deal, ...]:
    """Parse deals with their associated contacts."""
    return tuple([_parse_deal(decoder, row) for row in rows])


def _parse_deal(decoder: RecordDecoder, row: DecodedJson) -> Deal:
    linked = ((row.associations or {}).get("contacts") or {}).get("results") or []
    return Deal(
        id=row.id,
        properties=dict(zip(decoder.names, property_values(row.properties), strict=True)),
        contact_ids=tuple(sorted({int(each["id"]) for each in linked})),
        updated_at=row.updated_at,
    )


def parse_form(row: JsonObject) -> Form:
    """Parse a form."""
    at = row.get("archivedAt")
    return Form(id=row["id"], name=row["name"], archived=row.get("archived", False), archived_at=parse_timestamp(at) if at else None)


def parse_list(row: JsonObject) -> ContactList:
    """Parse a list."""
    size = row.get("size") or (row.get("additionalProperties") or {}).get("hs_list_size")
    return ContactList(
        id=str(row["listId"]), name=row["name"], processing_type=row["processingType"], size=int(size) if size is not None else None
    )


def parse_option(row: JsonObject) -> PropertyOption:
    """Parse an option of an enumeration."""
    return PropertyOption(
        value=row["value"],
        label=row["label"],
        order=row.get("displayOrder", -1),
        hidden=row.get("hidden", False),
        description=row.get("description"),
    )


def parse_property(row: JsonObject) -> PropertyDefinition:
    """Parse the definition of a property."""
    limits = row.get("modificationMetadata") or {}
    return PropertyDefinition(
        name=row["name"],
        label=row["label"],
        type=row["type"],
        field_type=row["fieldType"],
        group=row["groupName"],
        description=row.get("description") or "",
        options=tuple(parse_option(each) for each in row.get("options") or ()),
        order=row.get("displayOrder", -1),
        hidden=row.get("hidden") or False,
        form_field=row.get("formField") or False,
        archived=row.get("archived") or False,
        calculated=row.get("calculated") or False,
        hubspot_defined=row.get("hubspotDefined") or False,
        read_only=bool(row.get("calculated") or limits.get("readOnlyValue")),
    )


def parse_property_group(row: JsonObject) -> PropertyGroup:
    """Parse a property group."""
    return PropertyGroup(name=row["name"], label=row["label"], order=row.get("displayOrder", -1))


def parse_account(row: JsonObject) -> AccountDetails:
    """Parse the account's details."""
    return AccountDetails(
        portal_id=int(row["portalId"]),
        time_zone=row["timeZone"],
        account_type=row["accountType"],
        currency=row.get("companyCurrency"),
        ui_domain=row.get("uiDomain") or "app.hubspot.com",
        name=row.get("portalName"),
    )


def parse_daily_usage(row: JsonObject) -> DailyUsage:
    """Parse today's calls."""
    resets = row.get("resetsAt")
    return DailyUsage(limit=int(row["usageLimit"]), used=int(row["currentUsage"]), resets_at=parse_timestamp(resets) if resets else None)
