"""Contacts in rows: a searched page of all of them, or the members of a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sync_worker.sandbox.instants import parse_ms
from sync_worker.sandbox.portal import Portal
from sync_worker.sandbox.schema import PropertyDefinition
from sync_worker.sandbox.search import SearchQuery, Sort
from sync_worker.sandbox.web.scoring import columns, score_property
from sync_worker.sandbox.web.wording import Badge, Wording, badge, full_name, initials

PAGE: Final = 25
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


def found(portal: Portal, words: Wording, *, text: str, page: int) -> Directory:
    """Return a page of the contacts that mention every word of a text, the highest score first."""
    score = score_property(portal)
    order = Sort(name=score, descending=True) if score else None
    rows = portal.search("contacts").rows(SearchQuery(text=text, sort=order))
    records = portal.contacts.records
    return _directory(portal, words, [records.ids[row] for row in rows], page)


def members(portal: Portal, words: Wording, ids: Sequence[int], page: int) -> Directory:
    """Return a page of some contacts, the highest score first."""
    score = score_property(portal)
    records = portal.contacts.records

    def rank(contact_id: int) -> tuple[float, int]:
        row = records.survivor(contact_id)
        return -_amount(records.value(row, score) if row is not None and score else None), contact_id

    return _directory(portal, words, sorted(ids, key=rank), page)


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


def _directory(portal: Portal, words: Wording, ids: Sequence[int], page: int) -> Directory:
    pages = max(1, -(-len(ids) // PAGE))
    page = min(max(page, 1), pages)
    shown = columns(portal)
    records = [portal.record("contacts", contact_id) for contact_id in ids[(page - 1) * PAGE : page * PAGE]]
    return Directory(
        lines=tuple(line(portal, words, values, shown) for values in records if values),
        columns=tuple(shown),
        total=len(ids),
        page=page,
        pages=pages,
    )


def _cell(words: Wording, definition: PropertyDefinition, value: str) -> Cell:
    if not value:
        return ""
    return badge(definition, value) if definition.type == "enumeration" else words.value(definition, value)


def _amount(text: str | None) -> float:
    try:
        return float(text or "-inf")
    except ValueError:
        return float("-inf")
