"""Records one at a time and page by page; hubspot-api.md 3.1, 3.2, 3.6."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from sync_worker.sandbox.api.error_responses import conflict, values_problem
from sync_worker.sandbox.base.object_types import object_type
from sync_worker.sandbox.base.responses import Json, JsonReply, NoContent, invalid, not_found
from sync_worker.sandbox.crm.associations import TYPES
from sync_worker.sandbox.crm.object_store import Table
from sync_worker.sandbox.crm.property_history import with_history
from sync_worker.sandbox.crm.record_writer import InvalidValuesError, Values
from sync_worker.sandbox.crm.serializer import names_for, render
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import Call, record_id, require

LARGEST_PAGE = 100
LARGEST_PAGE_WITH_HISTORY = 50
ARCHIVE_MS = 90 * 86_400_000  # for which archived records are listed


def list_records(call: Call) -> Response:
    """Answer a page of records in ascending order of their ids; `after` is the id that the page begins with."""
    table, history = call.table(), call.names("propertiesWithHistory")
    limit = call.whole("limit", 10, largest=LARGEST_PAGE_WITH_HISTORY if history else LARGEST_PAGE)
    first = call.whole("after", 0, largest=10**18, smallest=0)
    since = call.portal.now_ms() - ARCHIVE_MS if call.flag("archived") else None
    rows, following = table.records.page(first_id=first, limit=limit, archived_since=since)
    body: Json = {"results": shown(call, table, rows)}
    if following is not None:
        link = f"{call.base_url}{call.url_path}?limit={limit}&after={following}"
        body["paging"] = {"next": {"after": str(following), "link": link}}
    return JsonReply(body)


def read_record(call: Call) -> Response:
    """Answer one record; an id that was merged away answers the survivor under its own id."""
    table = call.table()
    row = row_of(call, table, archived=call.flag("archived"))
    return JsonReply(shown(call, table, [row])[0])


def update_record(call: Call) -> Response:
    """Write some properties of one record."""
    table = call.table()
    row = row_of(call, table)
    values = checked(table, properties_of(call.json_object()), row)
    refuse_known_email(table, values, row)
    table.editor.update(row, values, call.source)
    return JsonReply(render(table, [row], names_for(table, values))[0])


def create_record(call: Call) -> Response:
    """Add a record; the e-mail address of a contact must be new."""
    table = call.table()
    values = checked(table, properties_of(call.json_object()))
    refuse_known_email(table, values)
    row = table.editor.create(values, call.source)
    return JsonReply(render(table, [row], names_for(table, (*table.kind.shown, *values)))[0], status_code=201)


def archive_record(call: Call) -> Response:
    """Archive a record; doing it again is no error."""
    table = call.table()
    archive_row(call, table, table.records.live(record_id(call.path["id"])))
    return NoContent()


def archive_row(call: Call, table: Table, row: int | None) -> None:
    """Archive a row if it is there and take it out of every list."""
    if row is None:
        return
    table.editor.archive(row)
    if table is call.portal.contacts:
        call.portal.lists.forget(table.records.ids[row])


def row_of(call: Call, table: Table, *, archived: bool = False) -> int:
    """Return the row that the path names by id or, with `idProperty`, by a unique value."""
    named, by = call.path["id"], call.query.get("idProperty")
    if by is not None:
        require_unique(table, by)
        row = table.identities.find(by, named)
    elif archived:
        row = table.records.row(record_id(named))
        row = row if row in table.records.archived else None
    else:
        row = table.records.survivor(record_id(named))
    if row is None:
        raise not_found()
    return row


def require_unique(table: Table, name: str) -> None:
    """Refuse an `idProperty` that does not name one record."""
    if name != "hs_object_id" and name not in table.catalog.unique_names():
        raise invalid(f"Unable to perform update/upsert by non-unique {table.kind.type_id} property {name}")


def properties_of(body: Json) -> Json:
    """Return the properties of a record in a body."""
    require(body, "SimplePublicObjectInput", "properties")
    properties: Any = body["properties"]
    if not isinstance(properties, dict):
        raise invalid("Invalid input JSON on line 1, column 1: properties must be an object")
    return properties


def checked(table: Table, properties: Json, row: int | None = None) -> Values:
    """Return values as they will be stored, or refuse them in HubSpot's words."""
    try:
        return table.editor.check(properties, row=row)
    except InvalidValuesError as error:
        raise values_problem(error.problems) from None


def refuse_known_email(table: Table, values: Values, row: int | None = None) -> None:
    """Refuse an address that is the first or a second one of another contact."""
    email = values.get("email")
    known = table.identities.find("email", email) if email and table.kind.name == "contacts" else None
    if known is not None and known != row:
        raise conflict(table.records.ids[known])


def shown(call: Call, table: Table, rows: list[int]) -> list[Json]:
    """Return records with the properties, history and associations that a query string asks for."""
    items = render(table, rows, names_for(table, call.names("properties")))
    for name in call.names("propertiesWithHistory"):
        with_history(table, call.portal.history, rows, items, name)
    for name in call.names("associations"):
        _associate(call, table, rows, items, name)
    return items


def _associate(call: Call, table: Table, rows: list[int], items: list[Json], name: str) -> None:
    to = object_type(name)
    types = TYPES.get((table.kind.name, to.name), ()) if to is not None else ()
    if to is None or not types:
        return  # ignored, as HubSpot's own SDK says of `associations` that do not exist
    for row, item in zip(rows, items, strict=True):
        ids = call.portal.associations.of(table.kind.name, table.records.ids[row], to.name)
        if ids:
            linked = [{"id": str(other), "type": kind.name} for other in ids[:LARGEST_PAGE] for kind in types]
            item.setdefault("associations", {})[to.name] = {"results": linked}


ENDPOINTS = (
    Endpoint(api="objects", method="GET", suffix="/{objectType}", answer=list_records, scopes=("crm.objects.{kind}.read",)),
    Endpoint(api="objects", method="POST", suffix="/{objectType}", answer=create_record, scopes=("crm.objects.{kind}.write",)),
    Endpoint(api="objects", method="GET", suffix="/{objectType}/{id}", answer=read_record, scopes=("crm.objects.{kind}.read",)),
    Endpoint(api="objects", method="PATCH", suffix="/{objectType}/{id}", answer=update_record, scopes=("crm.objects.{kind}.write",)),
    Endpoint(api="objects", method="DELETE", suffix="/{objectType}/{id}", answer=archive_record, scopes=("crm.objects.{kind}.write",)),
)
