"""Pages of contacts by score: search results, all contacts, or the members of a list."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Final

from sync_worker.sandbox.base.timestamps import parse_ms
from sync_worker.sandbox.crm.filters import SearchFilter
from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.crm.search import SearchQuery
from sync_worker.sandbox.properties.property_definitions import PropertyDefinition
from sync_worker.sandbox.web.formatting import Badge, ValueFormatter, create_badge, full_name, initials
from sync_worker.sandbox.web.score_fields import score_property, table_columns

PAGE_SIZE: Final = 25
_ROWS_PER_SLICE: Final = 20_000  # rows that are searched without a pause for other requests
_AVATAR_TONES: Final = 6  # avatar colors
_ACTIVITY_PROPERTIES: Final = (
    "hs_analytics_last_timestamp",
    "hs_email_last_click_date",
    "hs_email_last_open_date",
    "recent_conversion_date",
)

TableCell = Badge | str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactLine:
    """One contact in a table; `cells` has one entry per column of the table."""

    id: str
    name: str
    initials: str
    tone: int
    email: str
    role: str
    stage: str
    last_active: str
    cells: tuple[TableCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactListPage:
    """One page of contacts; page numbers start at 1."""

    lines: tuple[ContactLine, ...]
    columns: tuple[PropertyDefinition, ...]
    total: int
    page: int
    pages: int


async def search_contacts(portal: SandboxPortal, formatter: ValueFormatter, *, text: str, page: int) -> ContactListPage:
    """Return a page of the contacts that contain every word of a text, highest score first; without a text, of all contacts."""
    rows = await _search_text(portal, text) if text else list(portal.contacts.records.iter_live_rows())
    return _build_page(portal, formatter, rows, page)


def list_members(portal: SandboxPortal, formatter: ValueFormatter, ids: Sequence[int], page: int) -> ContactListPage:
    """Return a page of the contacts with the given ids, highest score first."""
    records = portal.contacts.records
    return _build_page(portal, formatter, [row for one in ids if (row := records.find_surviving_row(one)) is not None], page)


def contact_line(
    portal: SandboxPortal, formatter: ValueFormatter, values: Mapping[str, str], columns: Sequence[PropertyDefinition] = ()
) -> ContactLine:
    """Return a contact as a row of a table."""
    name = full_name(values)
    stage = portal.catalog().get("lifecyclestage")
    last_active = max((parse_ms(values[property_]) or 0 for property_ in _ACTIVITY_PROPERTIES if property_ in values), default=0)
    return ContactLine(
        id=values["hs_object_id"],
        name=name,
        initials=initials(name),
        tone=int(values["hs_object_id"]) % _AVATAR_TONES,
        email=values.get("email", ""),
        role=" · ".join(values[part] for part in ("jobtitle", "company") if values.get(part)),
        stage=formatter.format_value(stage, values.get("lifecyclestage", "")),
        last_active=formatter.format_time_ago(last_active) if last_active else "",
        cells=tuple(_format_cell(formatter, each, values.get(each.name, "")) for each in columns),
    )


async def _search_text(portal: SandboxPortal, text: str) -> list[int]:
    """Return the rows that contain a text; other requests are served during the search."""
    ids, rows = portal.contacts.records.ids, list[int]()
    for start in range(0, len(ids), _ROWS_PER_SLICE):
        last = ids[min(start + _ROWS_PER_SLICE, len(ids)) - 1]
        id_range = SearchFilter(property_name="hs_object_id", operator="BETWEEN", value=str(ids[start]), high_value=str(last))
        rows += portal.search("contacts").find_rows(SearchQuery(groups=((id_range,),), text=text))
        await asyncio.sleep(0)
    return rows


def _build_page(portal: SandboxPortal, formatter: ValueFormatter, rows: Sequence[int], page: int) -> ContactListPage:
    pages = max(1, -(-len(rows) // PAGE_SIZE))
    page = min(max(page, 1), pages)
    columns, ids = table_columns(portal), portal.contacts.records.ids
    records = [portal.record("contacts", ids[row]) for row in _top_rows(portal, rows, page * PAGE_SIZE)[(page - 1) * PAGE_SIZE :]]
    return ContactListPage(
        lines=tuple(contact_line(portal, formatter, values, columns) for values in records if values),
        columns=tuple(columns),
        total=len(rows),
        page=page,
        pages=pages,
    )


def _top_rows(portal: SandboxPortal, rows: Sequence[int], limit: int) -> Sequence[int]:
    """Return the first rows by score, highest first."""
    score = score_property(portal)
    column = portal.contacts.records.columns.get(score) if score else None
    if column is None:
        return rows[:limit]
    scores = {text: _parse_score(text) for text in set(column)}  # far fewer than contacts

    def rank(row: int) -> float:
        return scores[column[row]]

    return nlargest(limit, rows, key=rank) if limit < len(rows) // 100 else sorted(rows, key=rank, reverse=True)[:limit]


def _format_cell(formatter: ValueFormatter, definition: PropertyDefinition, value: str) -> TableCell:
    if not value:
        return ""
    return create_badge(definition, value) if definition.type == "enumeration" else formatter.format_value(definition, value)


def _parse_score(text: str | None) -> float:
    try:
        return float(text or "-inf")
    except ValueError:
        return float("-inf")
