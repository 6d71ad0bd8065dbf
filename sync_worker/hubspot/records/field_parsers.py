"""Parsers of HubSpot's JSON. Each raises one of `PARSE_ERRORS` for a missing field, or one with an unexpected type or size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from sync_worker.errors import Unavailable
from sync_worker.hubspot.records.field_types import Count, RecordId, TextId, UnreadableField, convert, parse_optional_timestamp
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
    RecordT,
)
from sync_worker.hubspot.records.page_decoder import DecodedJson, RecordDecoder, property_values
from sync_worker.hubspot.records.row_parser import PARSE_ERRORS, describe_parse_error

FALLBACK_TIME_ZONE = "UTC"


@contextmanager
def translate_parse_errors(operation: str) -> Iterator[None]:
    """Raise Unavailable for a reply with a missing or invalid field: a failed read is never treated as an empty one."""
    try:
        yield
    except PARSE_ERRORS as error:
        hint = "HubSpot may have changed its API, or a proxy answers in its place."
        raise Unavailable(
            f"HubSpot's reply has an unexpected format ({describe_parse_error(error)}).", operation=operation, hint=hint
        ) from error


class _Next(msgspec.Struct):
    after: str | int | None = None
    link: str | None = None


class _Paging(msgspec.Struct):
    next: _Next | None = None


def parse_next_cursor(paging: object) -> str | None:
    """Return the cursor of the next page from the `paging` of a reply, or None on the last page.

    An empty text is not a cursor: with it, HubSpot would return the first page again.
    """
    following = convert(paging, _Paging).next if paging else None
    if following is None or following.after in (None, ""):
        return _parse_link(following.link) if following and following.link else None
    return str(following.after)


def _parse_link(link: str) -> str | None:
    return next(iter(parse_qs(urlsplit(link).query).get("after", ())), None)


def parse_contacts(decoder: RecordDecoder, rows: Iterable[DecodedJson]) -> tuple[Contact, ...]:
    """Parse contacts."""
    return _parse_records(Contact, decoder, rows)


def parse_companies(decoder: RecordDecoder, rows: Iterable[DecodedJson]) -> tuple[Company, ...]:
    """Parse companies."""
    return _parse_records(Company, decoder, rows)


def _parse_records(record_type: type[RecordT], decoder: RecordDecoder, rows: Iterable[DecodedJson]) -> tuple[RecordT, ...]:
    return tuple(
        [
            record_type(row.id, decoder.names, property_values(row.properties), row.updated_at, row.archived)
            if row.properties is not None
            else record_type(row.id, (), (), row.updated_at)
            for row in rows
        ]
    )


def parse_deals(decoder: RecordDecoder, rows: Iterable[DecodedJson]) -> tuple[Deal, ...]:
    """Parse deals with their associated contacts, without unreadable deals."""
    return tuple([_parse_deal(decoder, row) for row in rows if row.properties is not None])


def _parse_deal(decoder: RecordDecoder, row: DecodedJson) -> Deal:
    linked = ((row.associations or {}).get("contacts") or {}).get("results") or []
    return Deal(
        id=row.id,
        properties=dict(zip(decoder.names, property_values(row.properties), strict=True)),
        contact_ids=tuple(sorted({convert(each["id"], RecordId) for each in linked})),
        updated_at=row.updated_at,
    )


class _FormRow(msgspec.Struct, rename="camel"):
    id: TextId
    name: str | None = None
    form_type: str | None = None
    archived: bool | None = None
    archived_at: Any = None


def parse_form(row: object) -> Form:
    """Parse a form."""
    data = convert(row, _FormRow)
    return Form(
        id=data.id,
        name=data.name,
        type=data.form_type,
        archived=bool(data.archived),
        archived_at=parse_optional_timestamp(data.archived_at),
    )


class _ListProperties(msgspec.Struct):
    hs_list_size: Count | None = None


class _ListRow(msgspec.Struct, rename="camel"):
    list_id: TextId | RecordId
    name: str
    processing_type: str
    size: Count | None = None
    additional_properties: _ListProperties | None = None


def parse_list(row: object) -> ContactList:
    """Parse a list."""
    data = convert(row, _ListRow)
    size = data.size or (data.additional_properties.hs_list_size if data.additional_properties else None)
    return ContactList(id=str(data.list_id), name=data.name, processing_type=data.processing_type, size=size)


class _OptionRow(msgspec.Struct, rename="camel"):
    value: str
    label: str | None = None
    display_order: int | None = None
    hidden: bool | None = None
    description: str | None = None


class _Limits(msgspec.Struct, rename="camel"):
    read_only_value: bool | None = None


class _PropertyRow(msgspec.Struct, rename="camel"):
    name: TextId
    type: str
    label: str | None = None
    field_type: str | None = None
    group_name: str | None = None
    description: str | None = None
    options: list[Any] | None = None
    display_order: int | None = None
    hidden: bool | None = None
    form_field: bool | None = None
    archived: bool | None = None
    calculated: bool | None = None
    hubspot_defined: bool | None = None
    modification_metadata: _Limits | None = None


def parse_option(row: object) -> PropertyOption:
    """Parse an option of an enumeration."""
    data = convert(row, _OptionRow)
    return PropertyOption(
        value=data.value,
        label=data.label if data.label is not None else data.value,
        order=_order(data.display_order),
        hidden=bool(data.hidden),
        description=data.description,
    )


def parse_property(row: object) -> PropertyDefinition:
    """Parse the definition of a property."""
    data = convert(row, _PropertyRow)
    return PropertyDefinition(
        name=data.name,
        label=data.label if data.label is not None else data.name,
        type=data.type,
        field_type=data.field_type or "",
        group=data.group_name or "",
        description=data.description or "",
        options=tuple(_parse_options(data.options or ())),
        order=_order(data.display_order),
        hidden=bool(data.hidden),
        form_field=bool(data.form_field),
        archived=bool(data.archived),
        calculated=bool(data.calculated),
        hubspot_defined=bool(data.hubspot_defined),
        read_only=bool(data.calculated or (data.modification_metadata and data.modification_metadata.read_only_value)),
    )


def _parse_options(rows: Iterable[object]) -> Iterator[PropertyOption]:
    for row in rows:
        with suppress(UnreadableField):  # the other options of the property remain
            yield parse_option(row)


class _GroupRow(msgspec.Struct, rename="camel"):
    name: TextId
    label: str | None = None
    display_order: int | None = None


def parse_property_group(row: object) -> PropertyGroup:
    """Parse a property group."""
    data = convert(row, _GroupRow)
    return PropertyGroup(name=data.name, label=data.label if data.label is not None else data.name, order=_order(data.display_order))


def _order(display_order: int | None) -> int:
    return -1 if display_order is None else display_order


class _AccountRow(msgspec.Struct, rename="camel"):
    portal_id: RecordId
    time_zone: Any = None
    account_type: str | None = None
    company_currency: str | None = None
    ui_domain: str | None = None
    portal_name: str | None = None


def parse_account(row: object) -> AccountDetails:
    """Parse the account's details. Without a valid time zone, it is UTC: an account must not stop all reads."""
    data = convert(row, _AccountRow)
    return AccountDetails(
        portal_id=data.portal_id,
        time_zone=data.time_zone if _is_time_zone(data.time_zone) else FALLBACK_TIME_ZONE,
        account_type=data.account_type or "unknown",
        currency=data.company_currency,
        ui_domain=data.ui_domain or "app.hubspot.com",
        name=data.portal_name,
    )


def _is_time_zone(name: object) -> bool:
    try:
        ZoneInfo(name if isinstance(name, str) else "")
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a name becomes the path of a file
        return False
    return True


class _UsageRow(msgspec.Struct, rename="camel"):
    usage_limit: Count
    current_usage: Count
    resets_at: Any = None


def parse_daily_usage(row: object) -> DailyUsage:
    """Parse today's calls."""
    data = convert(row, _UsageRow)
    return DailyUsage(limit=data.usage_limit, used=data.current_usage, resets_at=parse_optional_timestamp(data.resets_at))
