"""Search and its many limits; hubspot-api.md 3.3."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from sync_worker.sandbox.base.responses import Json, JsonReply, invalid
from sync_worker.sandbox.crm.filters import OPERATORS, Filter
from sync_worker.sandbox.crm.object_store import Table
from sync_worker.sandbox.crm.search import Search, SearchQuery, Sort
from sync_worker.sandbox.crm.serializer import names_for, render, render_as
from sync_worker.sandbox.request.body_validation import whole
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import Call

LONGEST_BODY = 3_000
MOST_GROUPS, MOST_IN_GROUP, MOST_FILTERS = 5, 6, 18
LARGEST_PAGE, DEFAULT_PAGE = 200, 10
CAP = 10_000


def search(call: Call) -> Response:
    """Answer a page of the records that match."""
    table = call.table()
    body = call.json_object()
    if _length(call, body) > LONGEST_BODY:
        raise invalid(f"The request body is longer than {LONGEST_BODY} characters.")
    query, offset, limit = parse(body, table), whole(body, "after", 0), whole(body, "limit", DEFAULT_PAGE)
    if not 0 <= limit <= LARGEST_PAGE or offset < 0:
        raise invalid(f"Invalid page of {limit} from {offset}: limit must be between 0 and {LARGEST_PAGE}.")
    if offset + limit > CAP:
        raise invalid(f"The search has a limit of {CAP} results: after + limit must not be more.")
    found = call.portal.search(table.kind.name)
    rows = found.rows(query)
    page = rows[offset : offset + limit]
    answer: Json = {"total": len(rows), "results": _shown(table, found, page, body.get("properties") or [])}
    if offset + limit < len(rows) and limit:
        answer["paging"] = {"next": {"after": str(offset + limit)}}
    return JsonReply(answer)


def parse(body: Json, table: Table) -> SearchQuery:
    """Return the query of a search body.

    Raises:
        ReplyError: 400 for what HubSpot does not take.
    """
    groups = body.get("filterGroups") or []
    if body.get("filters"):  # accepted as one more group (AIRBYTE)
        groups = [*groups, {"filters": body["filters"]}]
    parsed = tuple(tuple(_filter(item, table) for item in group.get("filters") or []) for group in groups)
    if len(parsed) > MOST_GROUPS:
        raise invalid(f"Too many filter groups: {len(parsed)}, the maximum is {MOST_GROUPS}.")
    if any(len(group) > MOST_IN_GROUP for group in parsed) or sum(map(len, parsed)) > MOST_FILTERS:
        raise invalid(f"Too many filters: the maximum is {MOST_IN_GROUP} in a group and {MOST_FILTERS} in all.")
    return SearchQuery(groups=parsed, text=str(body.get("query") or ""), sort=_sort(body, table))


def _length(call: Call, body: Json) -> int:
    """Return how many characters count: extractors at work name every property of a portal, which alone are more than allowed."""
    if call.portal.switches.search_body == "whole":
        return len(call.body.decode(errors="replace"))
    return len(orjson.dumps({name: value for name, value in body.items() if name != "properties"}).decode())


def _filter(item: Json, table: Table) -> Filter:
    name, operator = item.get("propertyName"), item.get("operator")
    if not isinstance(name, str) or operator not in OPERATORS:
        raise invalid(f"Invalid input JSON: {operator} is not one of the operators {sorted(OPERATORS)}")
    if name not in table.catalog and not name.startswith("associations."):
        raise invalid(f"There was a problem with the request: property {name} does not exist.")
    values = item.get("values") or ()
    if operator in {"IN", "NOT_IN"} and not values:
        raise invalid(f"operator {operator} requires values")
    if item.get("value") is None and operator not in {"IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
        raise invalid(f"operator {operator} requires a value")
    high = "" if item.get("highValue") is None else str(item["highValue"])
    return Filter(name=name, operator=operator, value=str(item.get("value") or ""), high=high, values=tuple(map(str, values)))


def _sort(body: Json, table: Table) -> Sort | None:
    sorts: Any = body.get("sorts") or []
    if len(sorts) > 1:
        raise invalid("Only one sort is allowed.")
    if not sorts:
        return None
    asked = sorts[0]
    name = str(asked.get("propertyName") if isinstance(asked, dict) else asked).removeprefix("-")
    descending = asked.get("direction") == "DESCENDING" if isinstance(asked, dict) else str(asked).startswith("-")
    if name not in table.catalog:
        raise invalid(f"There was a problem with the request: property {name} does not exist.")
    return Sort(name=name, descending=descending)


def _shown(table: Table, found: Search, page: list[int], asked: list[str]) -> list[Json]:
    names = names_for(table, asked)
    late = any(found.late(row) for row in page)
    return render_as(table, page, names, found.value) if late else render(table, page, names)


ENDPOINTS = (
    Endpoint(
        api="objects", method="POST", suffix="/{objectType}/search", answer=search, scopes=("crm.objects.{kind}.read",), policy="search"
    ),
)
