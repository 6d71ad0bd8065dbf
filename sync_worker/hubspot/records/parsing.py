"""HubSpot's JSON to records: every string is parsed here, once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from sync_worker.errors import Unavailable
from sync_worker.hubspot.records.decoder import Decoded, Shape, values_of
from sync_worker.hubspot.records.models import Account, Company, Contact, ContactList, Deal, Form, Group, Option, Property, Usage
from sync_worker.timestamps import from_ms

Row = dict[str, Any]
Kind = TypeVar("Kind", Contact, Company)


@contextmanager
def sense_of(operation: str) -> Iterator[None]:
    """Turn a reply that lacks what it must have into `Unavailable`: better no answer than a wrong one."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        lack = f"{type(error).__name__} {error}" if isinstance(error, KeyError) else type(error).__name__
        hint = "HubSpot may have changed its API, or something between us and HubSpot answers in its place."
        raise Unavailable(f"HubSpot's answer makes no sense ({lack}).", operation=operation, hint=hint) from error


def instant(text: str) -> datetime:
    """Parse HubSpot's time, ISO 8601 or milliseconds since 1970, into aware UTC."""
    if text[-1:] == "Z":  # by far the most
        return datetime.fromisoformat(text)
    return from_ms(int(text)) if text.isdecimal() else datetime.fromisoformat(text).astimezone(UTC)


def next_after(paging: Row | None) -> str | None:
    """Return the cursor of the page that follows from what a reply says of paging, None at the end."""
    following = (paging or {}).get("next") or {}
    return following.get("after")


def contacts(shape: Shape, rows: Iterable[Decoded]) -> tuple[Contact, ...]:
    """Parse contacts."""
    return _records(Contact, shape, rows)


def companies(shape: Shape, rows: Iterable[Decoded]) -> tuple[Company, ...]:
    """Parse companies."""
    return _records(Company, shape, rows)


def _records(kind: type[Kind], shape: Shape, rows: Iterable[Decoded]) -> tuple[Kind, ...]:
    return tuple([kind(row.id, shape.names, values_of(row.properties), row.updated_at, row.archived) for row in rows])


def deals(shape: Shape, rows: Iterable[Decoded]) -> tuple[Deal, ...]:
    """Parse deals with the contacts that came with them."""
    return tuple([_deal(shape, row) for row in rows])


def _deal(shape: Shape, row: Decoded) -> Deal:
    linked = ((row.associations or {}).get("contacts") or {}).get("results") or []
    return Deal(
        id=row.id,
        properties=dict(zip(shape.names, values_of(row.properties), strict=True)),
        contact_ids=tuple(sorted({int(each["id"]) for each in linked})),
        updated_at=row.updated_at,
    )


def form(row: Row) -> Form:
    """Parse a form."""
    at = row.get("archivedAt")
    return Form(id=row["id"], name=row["name"], archived=row.get("archived", False), archived_at=instant(at) if at else None)


def contact_list(row: Row) -> ContactList:
    """Parse a list."""
    size = row.get("size") or (row.get("additionalProperties") or {}).get("hs_list_size")
    return ContactList(
        id=str(row["listId"]), name=row["name"], processing_type=row["processingType"], size=int(size) if size is not None else None
    )


def option(row: Row) -> Option:
    """Parse a value of an enumeration."""
    return Option(
        value=row["value"],
        label=row["label"],
        order=row.get("displayOrder", -1),
        hidden=row.get("hidden", False),
        description=row.get("description"),
    )


def definition(row: Row) -> Property:
    """Parse the definition of a property."""
    limits = row.get("modificationMetadata") or {}
    return Property(
        name=row["name"],
        label=row["label"],
        type=row["type"],
        field_type=row["fieldType"],
        group=row["groupName"],
        description=row.get("description") or "",
        options=tuple(option(each) for each in row.get("options") or ()),
        order=row.get("displayOrder", -1),
        hidden=row.get("hidden") or False,
        form_field=row.get("formField") or False,
        archived=row.get("archived") or False,
        calculated=row.get("calculated") or False,
        hubspot_defined=row.get("hubspotDefined") or False,
        read_only=bool(row.get("calculated") or limits.get("readOnlyValue")),
    )


def group(row: Row) -> Group:
    """Parse a property group."""
    return Group(name=row["name"], label=row["label"], order=row.get("displayOrder", -1))


def account(row: Row) -> Account:
    """Parse the account's details."""
    return Account(
        portal_id=int(row["portalId"]),
        time_zone=row["timeZone"],
        kind=row["accountType"],
        currency=row.get("companyCurrency"),
        ui_domain=row.get("uiDomain") or "app.hubspot.com",
        name=row.get("portalName"),
    )


def usage(row: Row) -> Usage:
    """Parse the day's calls."""
    resets = row.get("resetsAt")
    return Usage(limit=int(row["usageLimit"]), used=int(row["currentUsage"]), resets_at=instant(resets) if resets else None)
