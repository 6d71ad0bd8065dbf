"""Numbers as people read them in a page."""

from __future__ import annotations

from sync_worker.model.i18n.phrases import format_minus


def format_number(number: float | None) -> str:
    """Return a number with thousands separators, at most two decimal places and the minus sign of texts; None is a dash."""
    if number is None:
        return "–"
    whole, _, fraction = f"{number:,.2f}".partition(".")
    fraction = fraction.rstrip("0")
    return format_minus(f"{whole}.{fraction}" if fraction else whole)


def format_change(number: float) -> str:
    """Return a difference with its sign."""
    return f"+{format_number(number)}" if number > 0 else format_number(number) if number else "0"


def format_share(part: float, whole: float) -> str:
    """Return a part in percent; a part is 0 or 100 % only if it is nothing or the whole. The space does not break."""
    if not whole:
        return "–"
    if part in (0, whole):
        return "100\u00a0%" if part else "0\u00a0%"
    share = 100 * part / whole
    return "under\u00a00.1\u00a0%" if share < 0.05 else f"{min(share, 99.9):.1f}\u00a0%"


def percent(part: float, whole: float) -> float:
    """Return a part in percent; 0 of nothing."""
    return 100 * part / whole if whole else 0.0


def shorten_number(number: float) -> str:
    """Return a count in at most four characters: 950, 1.2k, 34k, 1.1M."""
    for least, scale, unit in ((999_500, 1_000_000, "M"), (1_000, 1_000, "k")):
        if number >= least:
            scaled = number / scale
            return f"{scaled:.1f}{unit}" if scaled < 9.95 else f"{scaled:.0f}{unit}"
    return f"{number:g}"


def format_grade(grade: str) -> str:
    """Return a grade with the minus sign of texts."""
    return format_minus(grade) or "none"


def format_range(low: int, high: int) -> str:
    """Return a range of scores."""
    return format_number(low) if low == high else f"{format_number(low)} to {format_number(high)}"
