"""How replies that hold records are decoded: straight into the values that were asked for.

Pages of records are nearly all that a run reads. A decoder that knows what to look for makes no dictionary of each record, and takes
half of the time that it takes to decode everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
import orjson

Decoded: TypeAlias = Any  # of the shape's own types, which are made at run time
Json: TypeAlias = Any


class Shape:
    """The properties that some replies are asked for.

    What `decode` returns has `results`, `paging` (plain JSON) and `total`; each of the results has `id`, `updatedAt`, `archived`,
    `associations`, and `properties`: the values in the order of `names`, text or None. What else a record shows is passed over.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        places = {f"_{place}": name for place, name in enumerate(self.names)}  # a property may be called like a keyword
        values = msgspec.defstruct("Values", [(place, str | None, None) for place in places], rename=places, gc=False)
        row = msgspec.defstruct(
            "Row",
            [("id", str), ("updatedAt", str), ("properties", values), ("archived", bool, False), ("associations", Any, None)],
            gc=False,
        )
        reply = msgspec.defstruct("Reply", [("results", list[row]), ("paging", dict[str, Any] | None, None), ("total", int, 0)])  # type: ignore[valid-type]  # made here
        self._row, self._reply = row, reply
        self._decoder = msgspec.json.Decoder(reply)

    def decode(self, body: bytes) -> Decoded:
        """Return the reply.

        Raises:
            msgspec.DecodeError: it is no JSON, or not all of it.
            ValueError: it is JSON, but makes no sense.
        """
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError:
            return self._decoded_with_care(body)

    def row(self, data: Json) -> Decoded:
        """Return one record of plain JSON as one of the results; raises ValueError where it makes no sense."""
        return _converted(data | {"properties": _as_texts(data["properties"])}, self._row)

    def _decoded_with_care(self, body: bytes) -> Decoded:
        data = orjson.loads(body)
        try:
            for row in data["results"]:
                row["properties"] = _as_texts(row["properties"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(str(error)) from error
        return _converted(data, self._reply)


def values_of(row: Decoded) -> tuple[str | None, ...]:
    """Return the values of one of a reply's results, in the order of the shape's names."""
    return msgspec.structs.astuple(row.properties)


def _converted(data: Json, into: type) -> Decoded:
    try:
        return msgspec.convert(data, into)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def _as_texts(values: Json) -> Json:
    # HubSpot documents values as text. Where one is a number or a flag for once, it is taken for the text that stands for it.
    return {name: _as_text(value) for name, value in values.items()}


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
