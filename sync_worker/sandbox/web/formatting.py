"""Values as people read them: times in the portal's zone, options by their labels, numbers with separators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sync_worker.sandbox.base.timestamps import from_ms, parse_ms
from sync_worker.sandbox.properties.property_definitions import PropertyDefinition

_TIME_UNITS: Final = ((60, "second"), (60, "minute"), (24, "hour"), (30.44, "day"), (12, "month"))
_TREND_ARROWS: Final = {"rising": "↑", "steady": "→", "falling": "↓"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A value in a coloured pill; the tone is a class of the style sheet."""

    text: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueFormatter:
    """Says values in the words of one portal at one moment (epoch milliseconds)."""

    zone: ZoneInfo
    now: int

    def when(self, ms: int) -> str:
        """Return a moment as day and time."""
        local = self.to_local(ms)
        return f"{local.day} {local:%b %Y, %H:%M}"

    def to_local(self, ms: int) -> datetime:
        """Return a moment in the portal's time zone."""
        return from_ms(ms).astimezone(self.zone)

    def day_heading(self, ms: int) -> str:
        """Return the day of a moment as a heading."""
        return format_day(self.to_local(ms).date())

    def time_ago(self, ms: int) -> str:
        """Return how long ago a moment was, roughly."""
        span = (self.now - ms) / 1000
        if abs(span) < 5:
            return "just now"
        amount, unit = abs(span), "year"
        for step, name in _TIME_UNITS:
            if amount < step:
                unit = name
                break
            amount /= step
        whole = int(amount)
        text = f"{whole} {unit}{'' if whole == 1 else 's'}"
        return f"{text} ago" if span > 0 else f"in {text}"

    def format_value(self, definition: PropertyDefinition | None, value: str) -> str:
        """Return a property value as HubSpot's records show it."""
        match definition.type if definition else "string":
            case "number":
                return format_number(value)
            case "datetime":
                ms = parse_ms(value)
                return value if ms is None else self.when(ms)
            case "date":
                ms = parse_ms(value)
                return value if ms is None else format_day(from_ms(ms).date())
            case "enumeration" | "bool" if definition:
                return ", ".join(_option_label(definition, part) for part in value.split(";") if part)
        return value


def format_day(date_: date) -> str:
    """Return a day in words."""
    return f"{date_.day} {date_:%B %Y}"


def format_number(text: str) -> str:
    """Return a number with thousands separated, or the text that it is not."""
    try:
        amount = float(text)
    except ValueError:
        return text
    return f"{amount:,.0f}" if amount.is_integer() else f"{amount:,.2f}"


def create_badge(definition: PropertyDefinition, value: str) -> Badge:
    """Return an enumeration value as a pill: grades by letter, trends by direction, other values by their place in the order."""
    label = _option_label(definition, value)
    if value in _TREND_ARROWS:
        return Badge(text=f"{_TREND_ARROWS[value]} {label}", tone=value)
    if definition.name.endswith("_grade"):
        return Badge(text=label, tone=f"grade-{value[:1].lower()}")
    if definition.name.endswith("_band"):
        places = definition.option_values()
        place = places.index(value) + 1 if value in places else 0
        return Badge(text=label, tone=f"level-{_badge_level(place, len(places))}")
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
    """Return how a contact is called: by name, else by address, else by number."""
    named = " ".join(values[part] for part in ("firstname", "lastname") if values.get(part))
    return named or values.get("email") or f"Contact {values.get('hs_object_id', '')}".strip()


def initials(name: str) -> str:
    """Return the two letters of an avatar."""
    words = [word for word in name.replace("@", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"
