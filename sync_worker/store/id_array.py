"""A condition on many whole numbers at once."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, ColumnElement, bindparam


def in_ids(column: ColumnElement[int], ids: Iterable[int]) -> ColumnElement[bool]:
    """Return the condition that a column has one of the numbers; there may be any number of them.

    The numbers are in the text of the statement, because both databases limit the number of bind parameters.
    """
    return column.in_(bindparam(None, [*ids], type_=BigInteger, expanding=True, literal_execute=True))
