"""Units of the model file: points, percentages and durations, as exact numbers."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from sync_worker.model.file.suggest import suggest_number

#: Points are computed as integers, in micro-points, so that the lines of a ledger add up exactly.
MICROS_PER_POINT: Final = 1_000_000

#: Percentages are computed as parts of this whole, so that six decimal places are exact.
PARTS: Final = 100_000_000

_MAX_POINTS: Final = 10_000
_MAX_DURATION: Final = timedelta(days=36_525)
_SECONDS_PER_UNIT: Final = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_DURATION_PATTERN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+?)s?", re.IGNORECASE)
_PERCENT_PATTERN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_LOSS_PATTERN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(%|points?)", re.IGNORECASE)


def to_micro(points: Decimal | int) -> int:
    """Return points as micro-points."""
    return int(points * MICROS_PER_POINT)


def from_micro(micro: int) -> Decimal:
    """Return micro-points as points without trailing zeros: 2500000 is 2.5."""
    whole, rest = divmod(abs(micro), MICROS_PER_POINT)
    text = f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
    return Decimal(text if micro >= 0 else f"-{text}")


def to_json_number(micro: int) -> int | float:
    """Return micro-points as a JSON number of points; exact up to nine digits before the decimal point."""
    points = from_micro(micro)
    return int(points) if points == points.to_integral_value() else float(points)


def to_milliseconds(duration: timedelta) -> int:
    """Return a duration in whole milliseconds, the resolution of HubSpot's timestamps."""
    return duration // timedelta(milliseconds=1)


def parse_points(value: object) -> Decimal:
    """Parse points: a number with at most six decimal places.

    Raises:
        ValueError: The value is not a number, is too large, or has more decimal places.
    """
    try:
        points = Decimal("" if isinstance(value, (bool, str)) else str(value))
    except InvalidOperation:
        raise ValueError(f"expected a number of points, such as 5 or -2.5, not {value!r}{suggest_number(value)}") from None
    if not points.is_finite() or abs(points) > _MAX_POINTS:
        raise ValueError(f"expected points between -{_MAX_POINTS} and {_MAX_POINTS}, not {value}")
    if points * MICROS_PER_POINT != (points * MICROS_PER_POINT).to_integral_value():
        raise ValueError(f"expected at most six decimal places, not {value}")
    return _strip_zeros(points)


def parse_duration(value: object) -> timedelta:
    """Parse a duration: `90 days`, `2 weeks`, `36 hours`, `2 seconds`.

    Raises:
        ValueError: The value does not have this form or is longer than 100 years.
    """
    if isinstance(value, timedelta):
        return value
    found = _DURATION_PATTERN.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or found[2].lower() not in _SECONDS_PER_UNIT:
        raise ValueError(f"expected a duration in seconds, minutes, hours, days or weeks, such as 90 days, not {value!r}")
    seconds = Decimal(found[1]) * _SECONDS_PER_UNIT[found[2].lower()]
    if seconds > _MAX_DURATION // timedelta(seconds=1):
        raise ValueError(f"expected a duration of at most 100 years, not {value!r}")
    return timedelta(milliseconds=int(seconds * 1000))


def format_duration(duration: timedelta) -> str:
    """Return a duration in its largest whole unit: `90 days`."""
    seconds = Decimal(to_milliseconds(duration)) / 1000
    unit = next((u for u in ("day", "hour", "minute") if seconds and seconds % _SECONDS_PER_UNIT[u] == 0), "second")
    count = _strip_zeros(seconds / _SECONDS_PER_UNIT[unit])
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def parse_percent(value: object) -> Decimal:
    """Parse a percentage: `50 %`.

    Raises:
        ValueError: The value is not a percentage from 0 % to 100 % with at most six decimal places.
    """
    if isinstance(value, Decimal):
        return value
    found = _PERCENT_PATTERN.fullmatch(value.strip()) if isinstance(value, str) else None
    percent = Decimal(found[1]) if found else Decimal(-1)
    if not 0 <= percent <= 100:
        raise ValueError(f"expected a percentage from 0 % to 100 %, such as 50 %, not {value!r}")
    if percent * MICROS_PER_POINT != (percent * MICROS_PER_POINT).to_integral_value():
        raise ValueError(f"expected at most six decimal places, not {value!r}")
    return _strip_zeros(percent)


def format_percent(percent: Decimal) -> str:
    """Return a percentage in the form of the model file: `50 %`."""
    return f"{percent} %"


def percent_to_parts(percent: Decimal) -> int:
    """Return a percentage as a number of `PARTS`."""
    return int(percent * (PARTS // 100))


def parse_loss(value: object) -> str:
    """Parse the loss per period: `10 %` of the earned total, or `3 points`.

    Raises:
        ValueError: The value has neither form.
    """
    found = _LOSS_PATTERN.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected a share or a number of points, such as 10 % or 3 points, not {value!r}")
    if found[2] == "%":
        return format_percent(parse_percent(value))
    return f"{parse_points(Decimal(found[1]))} points"


def _strip_zeros(number: Decimal) -> Decimal:
    """Remove trailing zeros but avoid exponents: 50, not 5E+1."""
    whole = number.to_integral_value()
    return whole.quantize(Decimal(1)) if number == whole else number.normalize()


Points = Annotated[Decimal, BeforeValidator(parse_points), WithJsonSchema({"type": "number"})]

Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*(second|minute|hour|day|week)s?$", "examples": ["90 days", "2 seconds"]}),
]

Percent = Annotated[
    Decimal,
    BeforeValidator(parse_percent),
    PlainSerializer(format_percent, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*%$", "examples": ["50 %"]}),
]

Loss = Annotated[
    str,
    BeforeValidator(parse_loss),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*(%|points?)$", "examples": ["10 %", "3 points"]}),
]
