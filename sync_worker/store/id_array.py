"""Many whole numbers as one parameter of a statement.

SQLAlchemy makes a parameter of each, which costs more than what the database does with them, and a statement may not have so many.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, ColumnElement, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

_ID_ARRAY_SQL: Final = {
    "sqlite": "(SELECT value FROM json_each({}))",
    "postgresql": "(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST({} AS JSON)))",
}


class _IdArray(FunctionElement[int]):
    """The numbers of a JSON array, as rows."""

    type = BigInteger()
    inherit_cache = True


@compiles(_IdArray)
def _compile_id_array(element: _IdArray, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401 -- as SQLAlchemy has it
    return _ID_ARRAY_SQL[compiler.dialect.name].format(compiler.process(element.clauses, **how))


def in_ids(column: ColumnElement[int], ids: Iterable[int]) -> ColumnElement[bool]:
    """Return the condition that a column holds one of the numbers, however many they are."""
    return column.bool_op("IN")(_IdArray(literal(orjson.dumps([*ids]).decode())))
