"""Parser of the rows of a reply: a row that cannot be parsed is left out and counted; the others are used.

Of a row with an optional field that cannot be read, the other fields are used: a click with a strange user agent is a click.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

from sync_worker.hubspot.records.field_types import UnreadableField

JsonObject: TypeAlias = dict[str, Any]
T = TypeVar("T")

#: What a parser raises for a missing field, or one with an unexpected type or size.
PARSE_ERRORS: Final = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
MIN_ROWS_OF_A_NEW_FORMAT: Final = 10  # if none of so many rows can be parsed, HubSpot has changed its API


class ParsedRows(NamedTuple, Generic[T]):
    """The parsed rows, and the number of rows that were left out."""

    items: tuple[T, ...]
    unreadable: int


class RowParser:
    """Parses rows. `on_unreadable` gets the operation and the reason for each row that is left out."""

    def __init__(self, on_unreadable: Callable[[str, str], object]) -> None:
        self._on_unreadable = on_unreadable

    def report(self, operation: str, reason: str) -> None:
        """Report a row that was left out elsewhere."""
        self._on_unreadable(operation, reason)

    def parse(self, rows: object, parse_row: Callable[[Any], T], *, operation: str) -> ParsedRows[T]:
        """Parse the rows in order.

        Raises:
            ValueError: `rows` is not a list, or it has many rows and none can be parsed.
        """
        if not isinstance(rows, list):
            raise UnreadableField("the rows are not a list")
        items: list[T] = []
        reasons: list[str] = []
        ignored: list[str] = []
        for row in rows:
            try:
                items.append(parse_readable_fields(row, parse_row, ignored))
            except PARSE_ERRORS as error:
                reasons.append(describe_parse_error(error))
        check_format(len(items), reasons)
        for reason in (*reasons, *(f"{reason}; the other fields are used" for reason in ignored)):
            self._on_unreadable(operation, reason)
        return ParsedRows(tuple(items), len(reasons))


def parse_readable_fields(row: Any, parse_row: Callable[[Any], T], ignored: list[str]) -> T:  # noqa: ANN401 -- any JSON
    """Parse a row without the optional fields that cannot be read; add the reasons to `ignored`.

    Raises one of `PARSE_ERRORS` if a required field cannot be read.
    """
    errors: list[UnreadableField] = []
    while True:
        try:
            parsed = parse_row(row)
        except UnreadableField as error:
            errors.append(error)
            if not error.path or "[" in error.path:  # a list without one of its elements would be another list
                raise errors[0] from None
            # Without a required field, the next try names no path, or the object around the field.
            row = _drop_field(row, error.path.split("."))
        else:
            ignored += map(str, errors)
            return parsed


def _drop_field(data: JsonObject, path: Sequence[str]) -> JsonObject:
    name, *rest = path
    others = {key: value for key, value in data.items() if key != name}
    return others | {name: _drop_field(data[name], rest)} if rest else others


def check_format(readable: int, reasons: list[str]) -> None:
    """Raise UnreadableField if no row is readable, and too many are not."""
    if not readable and len(reasons) >= MIN_ROWS_OF_A_NEW_FORMAT:
        raise UnreadableField(reasons[0])


def describe_parse_error(error: BaseException) -> str:
    """Return the reason in words. It names the field and never its value, which may be personal data."""
    if isinstance(error, UnreadableField):
        return str(error)
    return f"the field {error} is missing" if isinstance(error, KeyError) else type(error).__name__
