"""Encoders for the values of many records: columns are resolved once, not for each record.

The JSON is canonical: the known values of a record in the order of their names. Equal values give equal JSON, whatever else the record
holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import TypeAlias

import msgspec

from sync_worker.hubspot.records.models import Record

RowValues: TypeAlias = tuple[str | None, ...]

_encode = msgspec.json.Encoder().encode


def align_values(records: Iterable[Record], names: tuple[str, ...]) -> list[RowValues]:
    """Return the values of each record in the order of the names; None for properties that a record lacks."""
    # Records nearly always have exactly the requested names, so single names are rarely compared.
    return [
        record.values if record.names is names or record.names == names else tuple(map(record.properties.get, names)) for record in records
    ]


def column_picker(names: Sequence[str], selected: Sequence[str]) -> Callable[[RowValues], RowValues]:
    """Return a function that selects some of the values that are in the order of `names`."""
    positions = [names.index(name) for name in selected]
    if len(positions) > 1:
        return itemgetter(*positions)
    return lambda values: tuple([values[position] for position in positions])


def json_encoder(names: Sequence[str], columns: Sequence[str]) -> Callable[[Iterable[RowValues]], list[str]]:
    """Return an encoder of some of the values that are in the order of `names`; it omits unknown and empty values."""
    pick = column_picker(names, sorted(columns))
    fields = {f"_{place}": name for place, name in enumerate(sorted(columns))}
    known = msgspec.defstruct("Known", [(field, str | None, None) for field in fields], rename=fields, omit_defaults=True, gc=False)

    def encode_rows(rows: Iterable[RowValues]) -> list[str]:
        found = [_encode(known(*some)).decode() for some in map(pick, rows)]
        # This sequence occurs only between a name and an empty value, because quotes inside values are escaped.
        return [drop_empty(text) if ':""' in text else text for text in found]

    def drop_empty(text: str) -> str:
        values = msgspec.json.decode(text, type=dict[str, str])
        return _encode({name: value for name, value in values.items() if value}).decode()

    return encode_rows
