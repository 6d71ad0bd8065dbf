"""Endpoint of the search, with its limits; hubspot-api.md 3.3."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from sync_worker.sandbox.base.responses import Json, JsonResponse, validation_error
from sync_worker.sandbox.crm.filters import OPERATORS, SearchFilter, sort_key_for
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.crm.search import RecordSearch, SearchQuery, SortOrder
from sync_worker.sandbox.crm.serializer import response_properties, serialize, serialize_with
from sync_worker.sandbox.request.body_validation import integer_field
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall

MAX_BODY_LENGTH = 3_000
MAX_FILTER_GROUPS, MAX_FILTERS_PER_GROUP, MAX_FILTERS = 5, 6, 18
MAX_PAGE_SIZE, DEFAULT_PAGE_SIZE = 200, 10
MAX_RESULTS = 10_000
SORT_DIRECTIONS = ("ASCENDING", "DESCENDING")
_VALUELESS_OPERATORS = frozenset({"HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"})


def search_records(call: ApiCall) -> Response:
    """Return a page of the matching records."""
    table = call.table()
    body = call.json_object()
    if _body_length(call, body) > MAX_BODY_LENGTH:
        raise validation_error(f"The request body is longer than {MAX_BODY_LENGTH} characters.")
    query, offset, limit = parse_search(body, table), integer_field(body, "after", 0), integer_field(body, "limit", DEFAULT_PAGE_SIZE)
    if not 0 <= limit <= MAX_PAGE_SIZE or offset < 0:
        raise validation_error(f"Invalid page of {limit} from {offset}: limit must be between 0 and {MAX_PAGE_SIZE}.")
    if offset + limit > MAX_RESULTS:
        raise validation_error(f"The search has a limit of {MAX_RESULTS} results: after + limit must not be more.")
    index = call.portal.search(table.object_type.name)
    rows = index.find_rows(query)
    page = rows[offset : offset + limit]
    response: Json = {"total": len(rows), "results": _serialize_page(table, index, page, body.get("properties") or [])}
    if offset + limit < len(rows) and limit:
        response["paging"] = {"next": {"after": str(offset + limit)}}
    return JsonResponse(response)


def parse_search(body: Json, table: ObjectTable) -> SearchQuery:
    """Return the query of a search body.

    Raises:
        ApiError: 400 for a query that HubSpot rejects.
    """
    groups = body.get("filterGroups") or []
    if body.get("filters"):  # accepted as one more group (AIRBYTE)
        groups = [*groups, {"filters": body["filters"]}]
    parsed = tuple(tuple(_parse_filter(item, table) for item in group.get("filters") or []) for group in groups)
    if len(parsed) > MAX_FILTER_GROUPS:
        raise validation_error(f"Too many filter groups: {len(parsed)}, the maximum is {MAX_FILTER_GROUPS}.")
    if any(len(group) > MAX_FILTERS_PER_GROUP for group in parsed) or sum(map(len, parsed)) > MAX_FILTERS:
        raise validation_error(f"Too many filters: the maximum is {MAX_FILTERS_PER_GROUP} in a group and {MAX_FILTERS} in all.")
    return SearchQuery(groups=parsed, text=str(body.get("query") or ""), sort=_parse_sort(body, table))


def _body_length(call: ApiCall, body: Json) -> int:
    """Return the number of characters that count toward the limit, by switch `search_body`.

    Public extractors send the names of all properties of a portal, which alone exceed the limit.
    """
    if call.portal.switches.search_body == "whole":
        return len(call.body.decode(errors="replace"))
    return len(orjson.dumps({name: value for name, value in body.items() if name != "properties"}).decode())


def _parse_filter(item: Json, table: ObjectTable) -> SearchFilter:
    name, operator = item.get("propertyName"), item.get("operator")
    if not isinstance(name, str) or operator not in OPERATORS:
        raise validation_error(f"Invalid input JSON: {operator} is not one of the operators {sorted(OPERATORS)}")
    if name not in table.catalog and not name.startswith("associations."):
        raise validation_error(f"There was a problem with the request: property {name} does not exist.")
    values = item.get("values") or ()
    if operator in {"IN", "NOT_IN"} and not values:
        raise validation_error(f"operator {operator} requires values")
    if item.get("value") is None and operator not in {"IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
        raise validation_error(f"operator {operator} requires a value")
    if operator == "BETWEEN" and item.get("highValue") is None:
        raise validation_error(f"Invalid input JSON: operator {operator} requires a highValue")
    _reject_wrong_types(item, table, name)
    high = "" if item.get("highValue") is None else str(item["highValue"])
    return SearchFilter(
        property_name=name, operator=operator, value=str(item.get("value") or ""), high_value=high, values=tuple(map(str, values))
    )


def _reject_wrong_types(item: Json, table: ObjectTable, name: str) -> None:
    """Reject a value that is not a number or a time if the property is one."""
    definition = table.catalog.get(name)
    if definition is None or definition.type not in {"number", "date", "datetime"} or item["operator"] in _VALUELESS_OPERATORS:
        return
    parse = sort_key_for(definition.type)
    given = [item.get("value"), item.get("highValue"), *(item.get("values") or ())]
    for value in filter(None, map(str, (each for each in given if each is not None))):
        if parse(value) is None:
            raise validation_error(f"There was a problem with the request: {value} is not a valid {definition.type} for property {name}.")


def _parse_sort(body: Json, table: ObjectTable) -> SortOrder | None:
    sorts: Any = body.get("sorts") or []
    if len(sorts) > 1:
        raise validation_error("Only one sort is allowed.")
    if not sorts:
        return None
    sort = sorts[0]
    if isinstance(sort, dict) and sort.get("direction", "ASCENDING") not in SORT_DIRECTIONS:
        raise validation_error(f"Invalid input JSON: {sort['direction']} is not one of the directions {list(SORT_DIRECTIONS)}")
    name = str(sort.get("propertyName") if isinstance(sort, dict) else sort).removeprefix("-")
    descending = sort.get("direction") == "DESCENDING" if isinstance(sort, dict) else str(sort).startswith("-")
    if name not in table.catalog:
        raise validation_error(f"There was a problem with the request: property {name} does not exist.")
    return SortOrder(property_name=name, descending=descending)


def _serialize_page(table: ObjectTable, index: RecordSearch, rows: list[int], property_names: list[str]) -> list[Json]:
    names = response_properties(table, property_names)
    has_stale_rows = any(index.stale_record(row) for row in rows)
    return serialize_with(table, rows, names, index.value) if has_stale_rows else serialize(table, rows, names)


ENDPOINTS = (
    Endpoint(
        api="objects",
        method="POST",
        path_suffix="/{objectType}/search",
        handler=search_records,
        scopes=("crm.objects.{kind}.read",),
        rate_limit="search",
    ),
)
