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
from sync_worker.hubspot.records.decoder import DecodedJson, RecordDecoder
from sync_worker.hubspot.records.models import BatchReadResult, IdRange, ResultPage
from sync_worker.hubspot.records.parsing import JsonObject, parse_next_cursor, translate_parse_errors
from sync_worker.hubspot.rest.sdk import RAW, Untyped, with_decoder
from sync_worker.timestamps import to_ms


class HasId(Protocol):
    """What every record has."""

    @property
    def id(self) -> int:
        """HubSpot's number of the record."""


T = TypeVar("T", bound=HasId)
RecordParser = Callable[[RecordDecoder, Sequence[DecodedJson]], tuple[T, ...]]  # the results of a reply of that shape

PAGE_SIZE: Final = 100
SEARCH_PAGE_SIZE: Final = 200
MAX_FILTER_GROUPS: Final = 5  # of filters in a search
BATCH_SIZE: Final = 100
MAX_PROPERTY_NAMES_CHARS: Final = 6_000  # characters of property names in an address; HubSpot's gateway answers 414 from 8 or 16 kB on
MAX_SEARCH_BODY_CHARS: Final = 3_000  # characters of a search's body


class UnorderedResponse(Unavailable):
    """The list is not in order of ids, or does not go on from any id: HubSpot never promised that."""


@dataclass(frozen=True, slots=True)
class _DecodingApis:
    """The SDK's three apis, as they ask for certain properties."""

    decoder: RecordDecoder
    basic: Untyped
    batch: Untyped
    search: Untyped


class Objects(Generic[T]):
    """The reads of one type of object.

    `apis` are the SDK's three: basic, batch and search. `modified` is the property by which a change is found. `always` are properties
    that are read whether asked for or not.
    """

    def __init__(
        self, object_type: str, apis: Untyped, parse: RecordParser[T], *, modified_property: str, required: Sequence[str] = ()
    ) -> None:
        self._object_type = object_type
        self._basic = apis.basic_api
        self._batch = apis.batch_api
        self._search = apis.search_api
        self._parse = parse
        self._modified_property = modified_property
        self._required = tuple(required)
        self._apis_for = lru_cache(maxsize=16)(self._build_apis)
        self._names_cache = lru_cache(maxsize=16)(self._add_required)

    def list_from_id(self, after: int, properties: Sequence[str], *, limit: int = PAGE_SIZE, archived: bool = False) -> ResultPage[T, int]:
        """Return a page in order of ids, starting at `after` (an id, existing or not; 0 for the first page).

        HubSpot is not clear on whether the record of the id `after` itself is in the page; `next` of a page leads on without a
        gap in any case. The list is consistent with what was written last.

        Raises:
            Unordered: that is not so here; read the list with `listed`.
        """
        with translate_parse_errors(f"read {self._object_type}"):
            items, following = self._list_page(after, properties, limit=limit, archived=archived)
            if not _is_ordered([item.id for item in items], after, following):
                raise UnorderedResponse("HubSpot's list is not in order of ids.", operation=f"read {self._object_type}")
            cursor = int(following) if following else None
        return ResultPage(items=items, next=cursor)

    def list_from_token(self, token: str | None, properties: Sequence[str]) -> ResultPage[T, str]:
        """Return a page of the list in HubSpot's own order, whatever that is; `next` is the token of the page that follows."""
        with translate_parse_errors(f"read {self._object_type}"):
            items, following = self._list_page(token, properties, limit=PAGE_SIZE, archived=False)
        if following is not None and following == token:
            raise Unavailable("HubSpot's page does not lead on.", operation=f"read {self._object_type}")
        return ResultPage(items=items, next=following)

    def search_id_ranges(self, ranges: Sequence[tuple[int, int]], properties: Sequence[str]) -> ResultPage[T, int]:
        """Return up to 200 records with ids in up to five ranges, in order of ids; `next` is the id from which to go on.

        A range is (first id, first id behind it); they do not overlap, and are in order.

        The search index lags some moments behind: what was created or changed just now may be missing, or be shown as it was.

        Raises:
            Unordered: the answer is not in order, or holds what was not asked for.
        """
        page = self._search_page([_build_id_range_filters(low, high) for low, high in ranges], properties)
        ids = [record.id for record in page.items]
        if not _is_ascending(ids) or sum(bisect_left(ids, high) - bisect_left(ids, low) for low, high in ranges) < len(ids):
            raise UnorderedResponse("HubSpot's search is not in order of ids.", operation=f"search {self._object_type}")
        return replace(page, next=None if page.next is None else page.next + 1)

    def max_ranges_per_search(self, properties: Sequence[str]) -> int:
        """Return in how many ranges a search can look for records with so many properties, five at most; 0 where it can't at all."""
        asked = self._property_names(properties)
        bodies = (
            _build_search_body([_build_id_range_filters(10**15, 10**15)] * ranges, asked) for ranges in range(1, MAX_FILTER_GROUPS + 1)
        )
        return sum(len(orjson.dumps(body)) <= MAX_SEARCH_BODY_CHARS for body in bodies)

    def search_modified(
        self, since: datetime, after_id: int, properties: Sequence[str], until: datetime | None = None
    ) -> ResultPage[T, int]:
        """Return up to 200 records changed at `since` or later and before `until`, with ids above `after_id`, in order of ids.

        `next` is the `after_id` of the page that follows. The search index lags some moments behind: trail by an overlap. A record may
        lie outside of the times a little, since HubSpot compares coarsely.
        """
        filters = [_build_filter(self._modified_property, "GTE", to_ms(since)), _build_filter("hs_object_id", "GT", after_id)]
        if until is not None:
            filters.append(_build_filter(self._modified_property, "LT", to_ms(until)))
        return self._search_page([filters], properties)

    def count_modified(self, since: datetime, until: datetime) -> int:
        """Return how many records search shows as changed last at `since` or later and before `until`."""
        filters = [build_since_filter(self._modified_property, since), _build_filter(self._modified_property, "LT", to_ms(until))]
        data = self._post_search(_build_search_body([filters], ("hs_object_id",), limit=1))
        with translate_parse_errors(f"search {self._object_type}"):
            return int(data["total"])

    def read_id_range(self) -> IdRange:
        """Return how many records there are, and the highest and the lowest id: two searches at once."""
        with ThreadPoolExecutor(1) as pool:
            lowest = pool.submit(self._count_and_first_id, "ASCENDING")
            total, highest_id = self._count_and_first_id("DESCENDING")
        return IdRange(total=total, highest_id=highest_id, lowest_id=lowest.result()[1])

    def _count_and_first_id(self, direction: str) -> tuple[int, int | None]:
        """Return how many records there are, and the first id in a direction."""
        data = self._post_search(_build_search_body([], ("hs_object_id",), direction=direction, limit=1))
        with translate_parse_errors(f"search {self._object_type}"):
            return int(data["total"]), next((int(row["id"]) for row in data["results"]), None)

    def count(self) -> int:
        """Return how many records there are."""
        return self._count_and_first_id("DESCENDING")[0]

    def read(self, ids: Iterable[int], properties: Sequence[str], *, archived: bool = False) -> BatchReadResult[T]:
        """Read records by id, a hundred a request, strongly consistent; the order is HubSpot's. The archived ones instead when asked."""
        asked = sorted(set(ids))
        return self._build_read_result(asked, self._read_by_id(asked, self._property_names(properties), archived=archived))

    def _list_page(
        self, after: int | str | None, properties: Sequence[str], *, limit: int, archived: bool
    ) -> tuple[tuple[T, ...], str | None]:
        asked = self._property_names(properties)
        fits = _query_length(asked) <= MAX_PROPERTY_NAMES_CHARS
        asking = self._apis_for(asked if fits else ("hs_object_id",))
        where = {"after": str(after)} if after else {}
        names = [",".join(asking.decoder.names)]  # one parameter: shorter than one for each
        data = asking.basic.get_page(limit=limit, properties=names, archived=archived, **where, **self._list_parameters(), **RAW)
        items = self._parse_records(asking.decoder, data.results)
        return items if fits else self._reload_by_id(items, asked, archived=archived), parse_next_cursor(data.paging)

    def _list_parameters(self) -> Mapping[str, object]:
        """What the list is asked for beside the properties."""
        return {}

    def _search_page(self, filter_groups: Sequence[Sequence[JsonObject]], properties: Sequence[str]) -> ResultPage[T, int]:
        """Return the records that pass all filters of a group."""
        asked = self._property_names(properties)
        body = _build_search_body(filter_groups, asked)
        fits = len(orjson.dumps(body)) <= MAX_SEARCH_BODY_CHARS
        asking = self._apis_for(asked if fits else ("hs_object_id",))
        with translate_parse_errors(f"search {self._object_type}"):
            data = asking.search.do_search(body if fits else _build_search_body(filter_groups, asking.decoder.names), **RAW)
            items = self._parse_records(asking.decoder, data.results)
            # All that lies behind the last id is counted, so that the last page is known to be the last, full or not.
            more = items and (parse_next_cursor(data.paging) is not None or data.total > len(items))
            cursor = max(item.id for item in items) if more else None
        return ResultPage(items=items if fits else self._reload_by_id(items, asked), next=cursor, total=data.total)

    def _post_search(self, body: JsonObject) -> JsonObject:
        data: JsonObject = self._search.do_search(body, **RAW)
        return data

    def _reload_by_id(self, records: Sequence[T], properties: Sequence[str], *, archived: bool = False) -> tuple[T, ...]:
        """Return the same records with all properties, read by id because their names would not fit where the ids came from."""
        ids = [item.id for item in records]
        full = {item.id: item for item in self._read_by_id(sorted(ids), properties, archived=archived)}
        return tuple(full[id_] for id_ in ids if id_ in full)

    def _read_by_id(self, ids: Sequence[int], properties: Sequence[str], *, archived: bool = False) -> tuple[T, ...]:
        asking = self._apis_for(tuple(properties))
        items: list[T] = []
        for start in range(0, len(ids), BATCH_SIZE):
            body = {"properties": list(properties), "inputs": [{"id": str(id_)} for id_ in ids[start : start + BATCH_SIZE]]}
            with translate_parse_errors(f"read {self._object_type} by id"):
                items += self._parse_records(asking.decoder, asking.batch.read(body, archived=archived, **RAW).results)
        return tuple(items)

    def _parse_records(self, decoder: RecordDecoder, rows: Sequence[DecodedJson]) -> tuple[T, ...]:
        return self._parse(decoder, rows)

    def _build_read_result(self, requested_ids: Sequence[int], items: tuple[T, ...]) -> BatchReadResult[T]:
        return BatchReadResult(items=items, missing=frozenset(requested_ids).difference(item.id for item in items))

    def _build_apis(self, names: tuple[str, ...]) -> _DecodingApis:
        shape = RecordDecoder(names)
        return _DecodingApis(shape, *(with_decoder(api, shape.decode) for api in (self._basic, self._batch, self._search)))

    def _property_names(self, properties: Sequence[str]) -> tuple[str, ...]:
        return self._names_cache(tuple(properties))

    def _add_required(self, properties: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(dict.fromkeys((*properties, *self._required)))
        # The very names that were asked for, wherever nothing is to be added: whoever gets the records need not compare them.
        return properties if names == properties != () else names or ("hs_object_id",)


def _is_ordered(ids: Sequence[int], after: int, next_cursor: str | None) -> bool:
    if not _is_ascending([after - 1, *ids]):
        return False
    # The cursor is an id as well: it leads on from the last one.
    return next_cursor is None or (next_cursor.isdecimal() and int(next_cursor) > after and int(next_cursor) >= (ids[-1] if ids else 0))


def _is_ascending(ids: list[int]) -> bool:
    return all(map(lt, ids, ids[1:]))


def build_since_filter(name: str, since: datetime) -> JsonObject:
    """Return the filter for a date at `since` or later."""
    return _build_filter(name, "GTE", to_ms(since))


def _build_id_range_filters(low: int, high: int) -> list[JsonObject]:
    return [_build_filter("hs_object_id", "GTE", low), _build_filter("hs_object_id", "LT", high)]


def _build_filter(name: str, operator: str, value: int) -> JsonObject:
    return {"propertyName": name, "operator": operator, "value": str(value)}


def _build_search_body(
    filter_groups: Sequence[Sequence[JsonObject]], properties: Sequence[str], *, direction: str = "ASCENDING", limit: int = SEARCH_PAGE_SIZE
) -> JsonObject:
    return {
        "filterGroups": [{"filters": filters} for filters in filter_groups],
        "sorts": [{"propertyName": "hs_object_id", "direction": direction}],
        "properties": list(properties),
        "limit": limit,
    }


def _query_length(properties: Sequence[str]) -> int:
    return sum(len(name) + len("%2C") for name in properties)
