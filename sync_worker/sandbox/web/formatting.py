"""Formats values for people: times in the portal's time zone, labels of options, numbers with separators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sync_worker.sandbox.base.timestamps import from_ms, parse_ms
from sync_worker.sandbox.properties.property_definitions import PropertyDefinition

_TIME_UNITS: Final = ((60, "second"), (60, "minute"), (24, "hour"), (30.44, "day"), (12, "month"))
_TREND_ARROWS: Final = {"rising": "↑", "steady": "→", "falling": "↓"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A value with a colored background; `tone` is a class of the style sheet."""

    text: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueFormatter:
    """Formats values in the time zone of a portal; `now` in epoch milliseconds; `owners` are names by id."""

    zone: ZoneInfo
    now: int
    owners: Mapping[str, str] = field(default_factory=dict)

    def format_time(self, ms: int) -> str:
        """Return a time as day and time of day."""
        local = self.to_local(ms)
        return f"{local.day} {local:%b %Y, %H:%M}"

    def to_local(self, ms: int) -> datetime:
        """Return a time in the portal's time zone."""
        return from_ms(ms).astimezone(self.zone)

    def format_local_day(self, ms: int) -> str:
        """Return the day of a time in the portal's time zone."""
        return format_day(self.to_local(ms).date())

    def format_time_ago(self, ms: int) -> str:
        """Return the rounded age of a time, such as `2 days ago`."""
        age_s = (self.now - ms) / 1000
        if abs(age_s) < 5:
            return "just now"
        amount, unit = abs(age_s), "year"
        for step, name in _TIME_UNITS:
            if amount < step:
                unit = name
                break
            amount /= step
        whole = int(amount)
        text = f"{whole} {unit}{'' if whole == 1 else 's'}"
        return f"{text} ago" if age_s > 0 else f"in {text}"

    def format_value(self, definition: PropertyDefinition | None, value: str) -> str:
        """Return a property value as HubSpot's records display it."""
        if definition and definition.name == "hubspot_owner_id":
            return self.owners.get(value, value)
        match definition.type if definition else "string":
            case "number":
                return format_number(value)
            case "datetime":
                ms = parse_ms(value)
                return value if ms is None else self.format_time(ms)
            case "date":
                ms = parse_ms(value)
                return value if ms is None else format_day(from_ms(ms).date())
            case "enumeration" | "bool" if definition:
                return ", ".join(_option_label(definition, part) for part in value.split(";") if part)
        return value


def format_day(date_: date) -> str:
    """Return a day with the name of the month."""
    return f"{date_.day} {date_:%B %Y}"


def format_number(text: str) -> str:
    """Return a number with thousands separators; a text that is not a number is returned unchanged."""
    try:
        amount = float(text)
    except ValueError:
        return text
    return f"{amount:,.0f}" if amount.is_integer() else f"{amount:,.2f}"


def create_badge(definition: PropertyDefinition, value: str) -> Badge:
    """Return the badge of an enumeration value: trends by direction, grades by letter, bands by rank."""
    label = _option_label(definition, value)
    if value in _TREND_ARROWS:
        return Badge(text=f"{_TREND_ARROWS[value]} {label}", tone=value)
    if definition.name.endswith("_grade"):
        return Badge(text=label, tone=f"grade-{value[:1].lower()}")
    if definition.name.endswith("_band"):
        bands = definition.option_values()
        rank = bands.index(value) + 1 if value in bands else 0
        return Badge(text=label, tone=f"level-{_badge_level(rank, len(bands))}")
    return Badge(text=label, tone="plain")


def _badge_level(rank: int, rank_count: int) -> int:
    """Return 0 (unknown), 1 (lowest) to 3 (highest)."""
    return 0 if not rank else 1 if rank == 1 else 3 if rank == rank_count else 2


def _option_label(definition: PropertyDefinition, value: str) -> str:
    option = definition.option(value)
    if option:
        return option.label
    return {"true": "Yes", "false": "No"}.get(value, value) if definition.type == "bool" else value


def full_name(values: Mapping[str, str]) -> str:
    """Return the name of a contact, otherwise its email address, otherwise its id."""
    name = " ".join(values[part] for part in ("firstname", "lastname") if values.get(part))
    return name or values.get("email") or f"Contact {values.get('hs_object_id', '')}".strip()


def initials(name: str) -> str:
    """Return one or two letters for an avatar."""
    words = [word for word in name.replace("@", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"
