"""CRM objects API: list, search and batch read of contacts, companies and deals."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from operator import lt
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

import orjson

from sync_worker.errors import Unavailable
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.field_parsers import parse_next_cursor, translate_parse_errors
from sync_worker.hubspot.records.field_types import Count, RecordId, convert
from sync_worker.hubspot.records.models import BatchReadResult, IdRange, ResultPage
from sync_worker.hubspot.records.page_decoder import DecodedJson, RecordDecoder
from sync_worker.hubspot.records.row_parser import JsonObject, RowParser
from sync_worker.hubspot.rest.sdk import RAW, Untyped, with_decoder
from sync_worker.timestamps import to_ms


class HasId(Protocol):
    """A record with an id."""

    @property
    def id(self) -> int:
        """The record id."""

    @property
    def is_readable(self) -> bool:
        """Whether the record has values."""


T = TypeVar("T", bound=HasId)
RecordParser = Callable[[RecordDecoder, Sequence[DecodedJson]], tuple[T, ...]]

PAGE_SIZE: Final = 100
SEARCH_PAGE_SIZE: Final = 200
MAX_FILTER_GROUPS: Final = 5  # per search
SEARCH_ATTEMPTS: Final = 2  # if HubSpot counts records that it does not return
BATCH_SIZE: Final = 100
MAX_PROPERTY_NAMES_CHARS: Final = 6_000  # in a URL; HubSpot's gateway answers 414 above 8 or 16 kB
MAX_SEARCH_BODY_CHARS: Final = 3_000


class RecordPage(NamedTuple, Generic[T]):
    """Records that were read by id, and the number of those whose id could not be read."""

    items: Sequence[T]
    without_id: int


class UnorderedResponse(Unavailable):
    """The list is not sorted by id, or cannot continue from an id. HubSpot does not document either."""


@dataclass(frozen=True, slots=True)
class _DecodingApis:
    """The three APIs of the SDK with a decoder for the requested properties."""

    decoder: RecordDecoder
    basic: Untyped
    batch: Untyped
    search: Untyped


@dataclass(frozen=True, slots=True)
class _ListRequest:
    """A list page to read: the requested properties, and the SDK's parameters, which may have room for the id only."""

    names: tuple[str, ...]
    apis: _DecodingApis
    parameters: Mapping[str, object]


class Objects(Generic[T]):
    """Reads of one object type.

    `apis` has the SDK's `basic_api`, `batch_api` and `search_api`. `modified_property` holds the time of the last change. `required`
    properties are part of every read.
    """

    def __init__(
        self,
        object_type: str,
        apis: Untyped,
        parse: RecordParser[T],
        rows: RowParser,
        *,
        modified_property: str,
        required: Sequence[str] = (),
    ) -> None:
        self._object_type = object_type
        self._rows = rows
        self._basic = apis.basic_api
        self._batch = apis.batch_api
        self._search = apis.search_api
        self._parse = parse
        self._modified_property = modified_property
        self._required = tuple(required)
        self._apis_for = lru_cache(maxsize=16)(self._build_apis)
        self._names_cache = lru_cache(maxsize=16)(self._add_required)

    def list_from_id(self, after: int, properties: Sequence[str], *, limit: int = PAGE_SIZE) -> ResultPage[T, int]:
        """Return a page sorted by id, starting at `after` (an id, existing or not; 0 for the first page).

        HubSpot does not document whether the page contains the record `after` itself. With `next` as `after`, the next page leaves no
        gap in either case. The list is strongly consistent.

        Raises:
            UnorderedResponse: the list is not sorted by id; use `list_from_token`.
        """
        request = self._build_list_request(after, properties, limit=limit)
        with translate_parse_errors(f"read {self._object_type}"):
            items, following = self._parse_list_page(request, request.apis.basic.get_page(**request.parameters))
            if not _is_ordered([item.id for item in items], after, following):
                raise UnorderedResponse("HubSpot's list is not sorted by id.", operation=f"read {self._object_type}")
            cursor = int(following) if following else None
        return ResultPage(items=items, next=cursor)

    def list_from_token(self, token: str | None, properties: Sequence[str]) -> ResultPage[T, str]:
        """Return a page in HubSpot's own order. `next` is the token of the next page."""
        request = self._build_list_request(token, properties, limit=PAGE_SIZE)
        with translate_parse_errors(f"read {self._object_type}"):
            items, following = self._parse_list_page(request, request.apis.basic.get_page(**request.parameters))
        return ResultPage(items=items, next=following)

    def search_id_ranges(self, ranges: Sequence[tuple[int, int]], properties: Sequence[str]) -> ResultPage[T, int]:
        """Return up to 200 records with ids in up to five ranges, sorted by id. `next` is the first id of the next page.

        A range is half-open: (first id, first id after the range). Ranges are sorted and do not overlap. The search index lags:
        recent changes may be missing.

        Raises:
            UnorderedResponse: the reply is not sorted by id, or contains other ids.
        """
        page = self._search_page([_build_id_range_filters(low, high) for low, high in ranges], properties)
        ids = [record.id for record in page.items]
        if not _is_ascending(ids) or sum(bisect_left(ids, high) - bisect_left(ids, low) for low, high in ranges) < len(ids):
            raise UnorderedResponse(
                "HubSpot's search result is not sorted by id, or contains other ids.", operation=f"search {self._object_type}"
            )
        return replace(page, next=None if page.next is None else page.next + 1)

    def max_ranges_per_search(self, properties: Sequence[str]) -> int:
        """Return the number of id ranges, 0 to 5, that fit into a search for these properties."""
        names = self._property_names(properties)
        bodies = (
            build_search_body([_build_id_range_filters(10**15, 10**15)] * ranges, names) for ranges in range(1, MAX_FILTER_GROUPS + 1)
        )
        return sum(len(orjson.dumps(body)) <= MAX_SEARCH_BODY_CHARS for body in bodies)

    def search_modified(
        self, since: datetime, after_id: int, properties: Sequence[str], until: datetime | None = None
    ) -> ResultPage[T, int]:
        """Return up to 200 records changed at `since` or later and before `until`, with ids above `after_id`, sorted by id.

        `next` is the `after_id` of the next page. The search index lags, so reads must overlap. HubSpot compares times coarsely: a record
        may be slightly outside of the interval.
        """
        filters = [build_filter(self._modified_property, "GTE", to_ms(since)), build_filter("hs_object_id", "GT", after_id)]
        if until is not None:
            filters.append(build_filter(self._modified_property, "LT", to_ms(until)))
        return self._search_page([filters], properties)

    def count_modified(self, since: datetime, until: datetime) -> int:
        """Return the number of records that search finds with a last change at `since` or later and before `until`."""
        filters = [build_since_filter(self._modified_property, since), build_filter(self._modified_property, "LT", to_ms(until))]
        data = self._post_search(build_search_body([filters], ("hs_object_id",), limit=1))
        with translate_parse_errors(f"search {self._object_type}"):
            return convert(data["total"], Count)

    def count_ids(self, ids: tuple[int, int]) -> int:
        """Return the number of records in a half-open range of ids."""
        data = self._post_search(build_search_body([_build_id_range_filters(*ids)], ("hs_object_id",), limit=1))
        with translate_parse_errors(f"search {self._object_type}"):
            return int(data["total"])

    def read_id_range(self) -> IdRange:
        """Return the number of records with the highest and the lowest id, by two parallel searches."""
        with ThreadPoolExecutor(1) as pool:
            lowest = pool.submit(self._count_and_first_id, "ASCENDING")
            total, highest_id = self._count_and_first_id("DESCENDING")
        return IdRange(total=total, highest_id=highest_id, lowest_id=lowest.result()[1])

    def _count_and_first_id(self, direction: str) -> tuple[int, int | None]:
        """Return the number of records, and the first id in the given sort direction."""
        data = self._post_search(build_search_body([], ("hs_object_id",), direction=direction, limit=1))
        with translate_parse_errors(f"search {self._object_type}"):
            return convert(data["total"], Count), next((convert(row["id"], RecordId) for row in data["results"]), None)

    def count(self) -> int:
        """Return the number of records."""
        return self._count_and_first_id("DESCENDING")[0]

    def count_known(self, property_name: str) -> int:
        """Return the number of records with a value of a property, as far as the search index has them."""
        known = {"propertyName": property_name, "operator": "HAS_PROPERTY"}
        data = self._post_search(build_search_body([[known]], ("hs_object_id",), limit=1))
        with translate_parse_errors(f"search {self._object_type}"):
            return convert(data["total"], Count)

    def read(self, ids: Iterable[int], properties: Sequence[str], *, archived: bool = False) -> BatchReadResult[T]:
        """Read records by id, 100 per request, strongly consistent, in HubSpot's order. `archived` reads archived records instead."""
        unique_ids = sorted(set(ids))
        return self._build_read_result(unique_ids, self._read_by_id(unique_ids, self._property_names(properties), archived=archived))

    def _build_list_request(self, after: int | str | None, properties: Sequence[str], *, limit: int) -> _ListRequest:
        names = self._property_names(properties)
        apis = self._apis_for(names if _query_length(names) <= MAX_PROPERTY_NAMES_CHARS else ("hs_object_id",))
        parameters = {
            "limit": limit,
            "properties": [",".join(apis.decoder.names)],  # one parameter is shorter than one per name
            "archived": False,
            **({"after": str(after)} if after else {}),
            **self._list_parameters(),
            **RAW,
        }
        return _ListRequest(names, apis, parameters)

    def _parse_list_page(self, request: _ListRequest, page: Untyped) -> tuple[tuple[T, ...], str | None]:
        """Return the records of a page and the cursor of the next page."""
        items = self._parse_records(request.apis.decoder, page.results)
        if request.apis.decoder.names != request.names:
            items = self._reload_by_id(items, request.names)
        return items, parse_next_cursor(page.paging)

    def _list_parameters(self) -> Mapping[str, object]:
        """Return further query parameters of the list."""
        return {}

    def _search_page(
        self, filter_groups: Sequence[Sequence[JsonObject]], properties: Sequence[str], *, direction: str = "ASCENDING"
    ) -> ResultPage[T, int]:
        """Return the records that match all filters of at least one group."""
        names = self._property_names(properties)
        body = build_search_body(filter_groups, names, direction=direction)
        fits = len(orjson.dumps(body)) <= MAX_SEARCH_BODY_CHARS
        apis = self._apis_for(names if fits else ("hs_object_id",))
        page = self._first_page_with_rows(apis, body if fits else build_search_body(filter_groups, apis.decoder.names, direction=direction))
        # `total` counts the records after `after_id`, so a full last page is recognized as the last.
        more = page.items and (page.next is not None or (page.total or 0) > len(page.items))
        cursor = max(item.id for item in page.items) if more else None
        return ResultPage(items=page.items if fits else self._reload_by_id(page.items, names), next=cursor, total=page.total)

    def _first_page_with_rows(self, apis: _DecodingApis, body: JsonObject) -> ResultPage[T, str]:
        """Follow HubSpot's own cursor while its pages are empty; after that, the next search starts behind the last id."""

        def fetch_page(after: str | None) -> ResultPage[T, str]:
            with translate_parse_errors(f"search {self._object_type}"):
                data = apis.search.do_search(body | ({"after": after} if after else {}), **RAW)
                items = self._parse_records(apis.decoder, data.results)
                return ResultPage(items=items, next=parse_next_cursor(data.paging), total=data.total)

        for _ in range(SEARCH_ATTEMPTS):
            for page in follow_pages(fetch_page, operation=f"search {self._object_type}"):
                if page.items:
                    return page
            if not page.lacks_items:
                return page
        return page

    def _post_search(self, body: JsonObject) -> JsonObject:
        data: JsonObject = self._search.do_search(body, **RAW)
        return data

    def _reload_by_id(self, records: Sequence[T], properties: Sequence[str]) -> tuple[T, ...]:
        """Read the same records by id with all properties, for requests that have no room for the property names."""
        ids = [item.id for item in records]
        full = {item.id: item for item in self._read_by_id(sorted(ids), properties).items}
        return tuple(full[id_] for id_ in ids if id_ in full)

    def _read_by_id(self, ids: Sequence[int], properties: Sequence[str], *, archived: bool = False) -> RecordPage[T]:
        apis = self._apis_for(tuple(properties))
        items: list[T] = []
        without_id = 0
        for start in range(0, len(ids), BATCH_SIZE):
            body = {"properties": list(properties), "inputs": [{"id": str(id_)} for id_ in ids[start : start + BATCH_SIZE]]}
            with translate_parse_errors(f"read {self._object_type} by id"):
                data = apis.batch.read(body, archived=archived, **RAW)
                items += self._parse_records(apis.decoder, data.results)
                without_id += data.without_id
        return RecordPage(items, without_id)

    def _parse_records(self, decoder: RecordDecoder, rows: Sequence[DecodedJson]) -> tuple[T, ...]:
        return self._parse(decoder, rows)

    def _build_read_result(self, requested_ids: Sequence[int], page: RecordPage[T]) -> BatchReadResult[T]:
        items = tuple([item for item in page.items if item.is_readable])
        # A record without an id may be any of those that the reply lacks, so none of them is known to be missing.
        missing = frozenset() if page.without_id else frozenset(requested_ids).difference(item.id for item in page.items)
        return BatchReadResult(items=items, missing=missing)

    def _build_apis(self, names: tuple[str, ...]) -> _DecodingApis:
        decoder = RecordDecoder(names, partial(self._rows.report, f"read {self._object_type}"))
        return _DecodingApis(decoder, *(with_decoder(api, decoder.decode) for api in (self._basic, self._batch, self._search)))

    def _property_names(self, properties: Sequence[str]) -> tuple[str, ...]:
        return self._names_cache(tuple(properties))

    def _add_required(self, properties: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(dict.fromkeys((*properties, *self._required)))
        # Return the same tuple if nothing is added: callers compare names by identity first.
        return properties if names == properties != () else names or ("hs_object_id",)


def _is_ordered(ids: Sequence[int], after: int, next_cursor: str | None) -> bool:
    if not _is_ascending([after - 1, *ids]):
        return False
    # The cursor must be an id, not lower than the last one.
    return next_cursor is None or (next_cursor.isdecimal() and int(next_cursor) > after and int(next_cursor) >= (ids[-1] if ids else 0))


def _is_ascending(ids: list[int]) -> bool:
    return all(map(lt, ids, ids[1:]))


def build_since_filter(name: str, since: datetime) -> JsonObject:
    """Return a filter for a time at `since` or later."""
    return build_filter(name, "GTE", to_ms(since))


def _build_id_range_filters(low: int, high: int) -> list[JsonObject]:
    return [build_filter("hs_object_id", "GTE", low), build_filter("hs_object_id", "LT", high)]


def build_filter(name: str, operator: str, value: int) -> JsonObject:
    """Return a filter of a whole number."""
    return {"propertyName": name, "operator": operator, "value": str(value)}


def build_search_body(
    filter_groups: Sequence[Sequence[JsonObject]], properties: Sequence[str], *, direction: str = "ASCENDING", limit: int = SEARCH_PAGE_SIZE
) -> JsonObject:
    """Return the body of a search: the records that match all filters of at least one group, sorted by id."""
    return {
        "filterGroups": [{"filters": filters} for filters in filter_groups],
        "sorts": [{"propertyName": "hs_object_id", "direction": direction}],
        "properties": list(properties),
        "limit": limit,
    }


def _query_length(properties: Sequence[str]) -> int:
    return sum(len(name) + len("%2C") for name in properties)
