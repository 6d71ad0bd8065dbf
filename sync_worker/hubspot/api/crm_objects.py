"""What contacts, companies and deals have in common: how they are listed, searched and read by id."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from operator import lt
from typing import Final, Generic, Protocol, TypeVar

import orjson

from sync_worker.errors import Unavailable
from sync_worker.hubspot.records.decoder import Decoded, Shape
from sync_worker.hubspot.records.models import Extent, Found, Page
from sync_worker.hubspot.records.parsing import Row, next_after, sense_of
from sync_worker.hubspot.rest.sdk import RAW, Untyped, decoding
from sync_worker.timestamps import to_ms


class Identified(Protocol):
    """What every record has."""

    @property
    def id(self) -> int:
        """HubSpot's number of the record."""


T = TypeVar("T", bound=Identified)
Parse = Callable[[Shape, Sequence[Decoded]], tuple[T, ...]]  # the results of a reply of that shape

PAGE_SIZE: Final = 100
SEARCH_SIZE: Final = 200
MOST_GROUPS: Final = 5  # of filters in a search
BATCH_SIZE: Final = 100
LONGEST_LIST: Final = 6_000  # characters of property names in an address; HubSpot's gateway answers 414 from 8 or 16 kB on
LONGEST_SEARCH: Final = 3_000  # characters of a search's body


class Unordered(Unavailable):
    """The list is not in order of ids, or does not go on from any id: HubSpot never promised that."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """The SDK's three apis, as they ask for certain properties."""

    shape: Shape
    basic: Untyped
    batch: Untyped
    search: Untyped


class Objects(Generic[T]):
    """The reads of one type of object.

    `apis` are the SDK's three: basic, batch and search. `modified` is the property by which a change is found. `always` are properties
    that are read whether asked for or not.
    """

    def __init__(self, name: str, apis: Untyped, parse: Parse[T], *, modified: str, always: Sequence[str] = ()) -> None:
        self._name = name
        self._basic = apis.basic_api
        self._batch = apis.batch_api
        self._search = apis.search_api
        self._parse = parse
        self._modified = modified
        self._always = tuple(always)
        self._asking = lru_cache(maxsize=16)(self._made_to_ask)
        self._all_names = lru_cache(maxsize=16)(self._with_always)

    def page(self, after: int, properties: Sequence[str], *, limit: int = PAGE_SIZE, archived: bool = False) -> Page[T, int]:
        """Return a page in order of ids, starting at `after` (an id, existing or not; 0 for the first page).

        HubSpot is not clear on whether the record of the id `after` itself is in the page; `next` of a page leads on without a
        gap in any case. The list is consistent with what was written last.

        Raises:
            Unordered: that is not so here; read the list with `listed`.
        """
        with sense_of(f"read {self._name}"):
            items, following = self._list(after, properties, limit=limit, archived=archived)
            if not _is_ordered([item.id for item in items], after, following):
                raise Unordered("HubSpot's list is not in order of ids.", operation=f"read {self._name}")
            cursor = int(following) if following else None
        return Page(items=items, next=cursor)

    def listed(self, token: str | None, properties: Sequence[str]) -> Page[T, str]:
        """Return a page of the list in HubSpot's own order, whatever that is; `next` is the token of the page that follows."""
        with sense_of(f"read {self._name}"):
            items, following = self._list(token, properties, limit=PAGE_SIZE, archived=False)
        if following is not None and following == token:
            raise Unavailable("HubSpot's page does not lead on.", operation=f"read {self._name}")
        return Page(items=items, next=following)

    def between(self, ranges: Sequence[tuple[int, int]], properties: Sequence[str]) -> Page[T, int]:
        """Return up to 200 records with ids in up to five ranges, in order of ids; `next` is the id from which to go on.

        A range is (first id, first id behind it); they do not overlap, and are in order.

        The search index lags some moments behind: what was created or changed just now may be missing, or be shown as it was.

        Raises:
            Unordered: the answer is not in order, or holds what was not asked for.
        """
        page = self._searched([_between(low, high) for low, high in ranges], properties)
        ids = [record.id for record in page.items]
        if not _ascend(ids) or sum(bisect_left(ids, high) - bisect_left(ids, low) for low, high in ranges) < len(ids):
            raise Unordered("HubSpot's search is not in order of ids.", operation=f"search {self._name}")
        return replace(page, next=None if page.next is None else page.next + 1)

    def ranges_at_once(self, properties: Sequence[str]) -> int:
        """Return in how many ranges a search can look for records with so many properties, five at most; 0 where it can't at all."""
        asked = self._names(properties)
        bodies = (_search_body([_between(10**15, 10**15)] * ranges, asked) for ranges in range(1, MOST_GROUPS + 1))
        return sum(len(orjson.dumps(body)) <= LONGEST_SEARCH for body in bodies)

    def changed(self, since: datetime, after_id: int, properties: Sequence[str], until: datetime | None = None) -> Page[T, int]:
        """Return up to 200 records changed at `since` or later and before `until`, with ids above `after_id`, in order of ids.

        `next` is the `after_id` of the page that follows. The search index lags some moments behind: trail by an overlap. A record may
        lie outside of the times a little, since HubSpot compares coarsely.
        """
        filters = [_filter(self._modified, "GTE", to_ms(since)), _filter("hs_object_id", "GT", after_id)]
        if until is not None:
            filters.append(_filter(self._modified, "LT", to_ms(until)))
        return self._searched([filters], properties)

    def count_changed(self, since: datetime, until: datetime) -> int:
        """Return how many records search shows as changed last at `since` or later and before `until`."""
        filters = [above(self._modified, since), _filter(self._modified, "LT", to_ms(until))]
        data = self._do_search(_search_body([filters], ("hs_object_id",), limit=1))
        with sense_of(f"search {self._name}"):
            return int(data["total"])

    def extent(self) -> Extent:
        """Return how many records there are, and the highest and the lowest id: two searches at once."""
        with ThreadPoolExecutor(1) as pool:
            lowest = pool.submit(self._end, "ASCENDING")
            total, highest_id = self._end("DESCENDING")
        return Extent(total=total, highest_id=highest_id, lowest_id=lowest.result()[1])

    def _end(self, direction: str) -> tuple[int, int | None]:
        """Return how many records there are, and the first id in a direction."""
        data = self._do_search(_search_body([], ("hs_object_id",), direction=direction, limit=1))
        with sense_of(f"search {self._name}"):
            return int(data["total"]), next((int(row["id"]) for row in data["results"]), None)

    def total(self) -> int:
        """Return how many records there are."""
        return self._end("DESCENDING")[0]

    def read(self, ids: Iterable[int], properties: Sequence[str], *, archived: bool = False) -> Found[T]:
        """Read records by id, a hundred a request, strongly consistent; the order is HubSpot's. The archived ones instead when asked."""
        asked = sorted(set(ids))
        return self._found(asked, self._by_id(asked, self._names(properties), archived=archived))

    def _list(self, after: int | str | None, properties: Sequence[str], *, limit: int, archived: bool) -> tuple[tuple[T, ...], str | None]:
        asked = self._names(properties)
        fits = _length(asked) <= LONGEST_LIST
        asking = self._asking(asked if fits else ("hs_object_id",))
        where = {"after": str(after)} if after else {}
        names = [",".join(asking.shape.names)]  # one parameter: shorter than one for each
        data = asking.basic.get_page(limit=limit, properties=names, archived=archived, **where, **self._linked(), **RAW)
        items = self._records(asking.shape, data.results)
        return items if fits else self._filled(items, asked, archived=archived), next_after(data.paging)

    def _linked(self) -> Mapping[str, object]:
        """What the list is asked for beside the properties."""
        return {}

    def _searched(self, groups: Sequence[Sequence[Row]], properties: Sequence[str]) -> Page[T, int]:
        """Return the records that pass all filters of a group."""
        asked = self._names(properties)
        body = _search_body(groups, asked)
        fits = len(orjson.dumps(body)) <= LONGEST_SEARCH
        asking = self._asking(asked if fits else ("hs_object_id",))
        with sense_of(f"search {self._name}"):
            data = asking.search.do_search(body if fits else _search_body(groups, asking.shape.names), **RAW)
            items = self._records(asking.shape, data.results)
            # All that lies behind the last id is counted, so that the last page is known to be the last, full or not.
            more = items and (next_after(data.paging) is not None or data.total > len(items))
            cursor = max(item.id for item in items) if more else None
        return Page(items=items if fits else self._filled(items, asked), next=cursor, total=data.total)

    def _do_search(self, body: Row) -> Row:
        data: Row = self._search.do_search(body, **RAW)
        return data

    def _filled(self, bare: Sequence[T], properties: Sequence[str], *, archived: bool = False) -> tuple[T, ...]:
        """Return the same records with all properties, read by id because their names would not fit where the ids came from."""
        ids = [item.id for item in bare]
        full = {item.id: item for item in self._by_id(sorted(ids), properties, archived=archived)}
        return tuple(full[id_] for id_ in ids if id_ in full)

    def _by_id(self, ids: Sequence[int], properties: Sequence[str], *, archived: bool = False) -> tuple[T, ...]:
        asking = self._asking(tuple(properties))
        items: list[T] = []
        for start in range(0, len(ids), BATCH_SIZE):
            body = {"properties": list(properties), "inputs": [{"id": str(id_)} for id_ in ids[start : start + BATCH_SIZE]]}
            with sense_of(f"read {self._name} by id"):
                items += self._records(asking.shape, asking.batch.read(body, archived=archived, **RAW).results)
        return tuple(items)

    def _records(self, shape: Shape, rows: Sequence[Decoded]) -> tuple[T, ...]:
        return self._parse(shape, rows)

    def _found(self, asked: Sequence[int], items: tuple[T, ...]) -> Found[T]:
        return Found(items=items, missing=frozenset(asked).difference(item.id for item in items))

    def _made_to_ask(self, names: tuple[str, ...]) -> _Asking:
        shape = Shape(names)
        return _Asking(shape, *(decoding(api, shape.decode) for api in (self._basic, self._batch, self._search)))

    def _names(self, properties: Sequence[str]) -> tuple[str, ...]:
        return self._all_names(tuple(properties))

    def _with_always(self, properties: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(dict.fromkeys((*properties, *self._always)))
        # The very names that were asked for, wherever nothing is to be added: whoever gets the records need not compare them.
        return properties if names == properties != () else names or ("hs_object_id",)


def _is_ordered(ids: Sequence[int], after: int, following: str | None) -> bool:
    if not _ascend([after - 1, *ids]):
        return False
    # The cursor is an id as well: it leads on from the last one.
    return following is None or (following.isdecimal() and int(following) > after and int(following) >= (ids[-1] if ids else 0))


def _ascend(ids: list[int]) -> bool:
    return all(map(lt, ids, ids[1:]))


def above(name: str, since: datetime) -> Row:
    """Return the filter for a date at `since` or later."""
    return _filter(name, "GTE", to_ms(since))


def _between(low: int, high: int) -> list[Row]:
    return [_filter("hs_object_id", "GTE", low), _filter("hs_object_id", "LT", high)]


def _filter(name: str, operator: str, value: int) -> Row:
    return {"propertyName": name, "operator": operator, "value": str(value)}


def _search_body(
    groups: Sequence[Sequence[Row]], properties: Sequence[str], *, direction: str = "ASCENDING", limit: int = SEARCH_SIZE
) -> Row:
    return {
        "filterGroups": [{"filters": filters} for filters in groups],
        "sorts": [{"propertyName": "hs_object_id", "direction": direction}],
        "properties": list(properties),
        "limit": limit,
    }


def _length(properties: Sequence[str]) -> int:
    return sum(len(name) + len("%2C") for name in properties)
