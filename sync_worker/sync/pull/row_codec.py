"""Values of records by their places: what is done for each of a hundred thousand contacts is worked out once, for all of them.

The texts that a `writer` makes are canonical: what is known of a record, by name and in the order of the names, as JSON. Equal values
make equal texts, whatever else the record holds.
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
    """Return the values of properties of each record in the order of the names; None for what a record does not show."""
    # Nearly always they are the very names that were asked for, and need not be compared one by one.
    return [
        record.values if record.names is names or record.names == names else tuple(map(record.properties.get, names)) for record in records
    ]


def column_picker(names: Sequence[str], selected: Sequence[str]) -> Callable[[RowValues], RowValues]:
    """Return what picks some of the values that stand in the order of `names`."""
    places = [names.index(name) for name in selected]
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple([values[place] for place in places])


def json_encoder(names: Sequence[str], columns: Sequence[str]) -> Callable[[Iterable[RowValues]], list[str]]:
    """Return what writes some of the values that stand in the order of `names` as canonical JSON; what is unknown or empty is left out."""
    pick = column_picker(names, sorted(columns))
    fields = {f"_{place}": name for place, name in enumerate(sorted(columns))}
    known = msgspec.defstruct("Known", [(field, str | None, None) for field in fields], rename=fields, omit_defaults=True, gc=False)

    def encode_rows(rows: Iterable[RowValues]) -> list[str]:
        found = [_encode(known(*some)).decode() for some in map(pick, rows)]
        # No text holds this but between a name and an empty value: a quote within one is escaped.
        return [drop_empty(text) if ':""' in text else text for text in found]

    def drop_empty(text: str) -> str:
        values = msgspec.json.decode(text, type=dict[str, str])
        return _encode({name: value for name, value in values.items() if value}).decode()

    return encode_rows
