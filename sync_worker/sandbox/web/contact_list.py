"""Contacts in rows: a searched page of all of them, or the members of a list."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Final

from sync_worker.sandbox.base.timestamps import parse_ms
from sync_worker.sandbox.crm.filters import Filter
from sync_worker.sandbox.crm.portal import Portal
from sync_worker.sandbox.crm.property_definitions import PropertyDefinition
from sync_worker.sandbox.crm.search import SearchQuery
from sync_worker.sandbox.web.formatting import Badge, Wording, badge, full_name, initials
from sync_worker.sandbox.web.score_fields import columns, score_property

PAGE: Final = 25
_SLICE: Final = 20_000  # rows that are looked through without a pause
_TONES: Final = 6  # colours of avatars
_SIGNS_OF_LIFE: Final = ("hs_analytics_last_timestamp", "hs_email_last_click_date", "hs_email_last_open_date", "recent_conversion_date")

Cell = Badge | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One contact in a table; `cells` stand under the columns of the table."""

    id: str
    name: str
    initials: str
    tone: int
    email: str
    role: str
    stage: str
    active: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """One page of contacts; pages count from 1."""

    lines: tuple[Line, ...]
    columns: tuple[PropertyDefinition, ...]
    total: int
    page: int
    pages: int

    @property
    def first(self) -> int:
        """The place of the first contact shown, from 1."""
        return (self.page - 1) * PAGE + 1


async def found(portal: Portal, words: Wording, *, text: str, page: int) -> Directory:
    """Return a page of the contacts that mention every word of a text, the highest score first."""
    rows = await _mentioning(portal, text) if text else list(portal.contacts.records.live_rows())
    return _directory(portal, words, rows, page)


def members(portal: Portal, words: Wording, ids: Sequence[int], page: int) -> Directory:
    """Return a page of some contacts, the highest score first."""
    records = portal.contacts.records
    return _directory(portal, words, [row for one in ids if (row := records.survivor(one)) is not None], page)


def line(portal: Portal, words: Wording, values: Mapping[str, str], shown: Sequence[PropertyDefinition] = ()) -> Line:
    """Return a contact as a row of a table."""
    name = full_name(values)
    stage = portal.catalog().get("lifecyclestage")
    lived = max((parse_ms(values[sign]) or 0 for sign in _SIGNS_OF_LIFE if sign in values), default=0)
    return Line(
        id=values["hs_object_id"],
        name=name,
        initials=initials(name),
        tone=int(values["hs_object_id"]) % _TONES,
        email=values.get("email", ""),
        role=" · ".join(values[part] for part in ("jobtitle", "company") if values.get(part)),
        stage=words.value(stage, values.get("lifecyclestage", "")),
        active=words.ago(lived) if lived else "",
        cells=tuple(_cell(words, each, values.get(each.name, "")) for each in shown),
    )


async def _mentioning(portal: Portal, text: str) -> list[int]:
    """Return the rows that mention a text; others are served while it is looked for."""
    ids, rows = portal.contacts.records.ids, list[int]()
    for start in range(0, len(ids), _SLICE):
        last = ids[min(start + _SLICE, len(ids)) - 1]
        part = Filter(name="hs_object_id", operator="BETWEEN", value=str(ids[start]), high=str(last))
        rows += portal.search("contacts").rows(SearchQuery(groups=((part,),), text=text))
        await asyncio.sleep(0)
    return rows


def _directory(portal: Portal, words: Wording, rows: Sequence[int], page: int) -> Directory:
    pages = max(1, -(-len(rows) // PAGE))
    page = min(max(page, 1), pages)
    shown, ids = columns(portal), portal.contacts.records.ids
    records = [portal.record("contacts", ids[row]) for row in _ranked(portal, rows, page * PAGE)[(page - 1) * PAGE :]]
    return Directory(
        lines=tuple(line(portal, words, values, shown) for values in records if values),
        columns=tuple(shown),
        total=len(rows),
        page=page,
        pages=pages,
    )


def _ranked(portal: Portal, rows: Sequence[int], most: int) -> Sequence[int]:
    """Return the first rows in the order of their score, the highest first."""
    score = score_property(portal)
    column = portal.contacts.records.columns.get(score) if score else None
    if column is None:
        return rows[:most]
    amounts = {text: _amount(text) for text in set(column)}  # far fewer than contacts

    def rank(row: int) -> float:
        return amounts[column[row]]

    return nlargest(most, rows, key=rank) if most < len(rows) // 100 else sorted(rows, key=rank, reverse=True)[:most]


def _cell(words: Wording, definition: PropertyDefinition, value: str) -> Cell:
    if not value:
        return ""
    return badge(definition, value) if definition.type == "enumeration" else words.value(definition, value)


def _amount(text: str | None) -> float:
    try:
        return float(text or "-inf")
    except ValueError:
        return float("-inf")
