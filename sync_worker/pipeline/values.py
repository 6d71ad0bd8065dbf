"""Values of records by their places: what is done for each of a hundred thousand contacts is worked out once, for all of them.

The text that `writer` makes of some values is canonical: what is known of them, by name and in the order of the names, as JSON. Equal
values make equal texts, whatever else the record holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TypeAlias

import msgspec

from sync_worker.hubspot.records import Company, Contact

Values: TypeAlias = tuple[str | None, ...]

_ENCODER = msgspec.json.Encoder()


def in_order(record: Contact | Company, names: tuple[str, ...]) -> Values:
    """Return the values of properties in the order of the names; None for what the record does not show."""
    return record.values if record.names == names else tuple(map(record.properties.get, names))


def picker(names: Sequence[str], picked: Sequence[str]) -> Callable[[Values], Values]:
    """Return what picks some of the values that stand in the order of `names`."""
    places = [names.index(name) for name in picked]
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple([values[place] for place in places])


def writer(names: Sequence[str], written: Sequence[str]) -> Callable[[Values], str]:
    """Return what writes some of the values that stand in the order of `names` as canonical JSON; what is unknown or empty is left out."""
    pick = picker(names, sorted(written))
    fields = {f"_{place}": name for place, name in enumerate(sorted(written))}
    known = msgspec.defstruct("Known", [(field, str | None, None) for field in fields], rename=fields, omit_defaults=True, gc=False)

    def text(values: Values) -> str:
        some = pick(values)
        if "" in some:
            some = tuple([value or None for value in some])
        return _ENCODER.encode(known(*some)).decode()

    return text
