"""Forms API: forms and their submissions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import msgspec

from sync_worker.hubspot.api.bulk.import_file import CONTACT_OBJECT_TYPE_ID
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.field_parsers import parse_form, parse_next_cursor, translate_parse_errors
from sync_worker.hubspot.records.field_types import Milliseconds, TextId, UnreadableField, convert, normalize_email
from sync_worker.hubspot.records.models import Event, Form, ResultPage
from sync_worker.hubspot.records.row_parser import JsonObject, RowParser
from sync_worker.hubspot.rest.sdk import RAW, Untyped
from sync_worker.hubspot.rest.transport import Transport
from sync_worker.timestamps import from_ms

PAGE_SIZE: Final = 100
SUBMISSIONS_PAGE_SIZE: Final = 50
CONTACT_OBJECT_TYPE_IDS: Final = (CONTACT_OBJECT_TYPE_ID, None)  # old submissions have no type
UNREADABLE_TYPES: Final = frozenset({"blog_comment"})  # HubSpot refuses to show the submissions of these forms


class Forms:
    """The forms of the portal."""

    def __init__(self, api: Untyped, transport: Transport, rows: RowParser) -> None:
        self._api = api
        self._transport = transport
        self._rows = rows

    def list_all(self, *, archived: bool = False) -> tuple[Form, ...]:
        """Return all active forms, or all archived ones: HubSpot forms, pop-ups and collected forms of other sites."""
        pages = follow_pages(partial(self._read_page, archived=archived), operation="read the forms")
        return tuple(form for page in pages for form in page.items)

    def read_submissions(self, form_id: str, after: str | None = None, *, limit: int = SUBMISSIONS_PAGE_SIZE) -> ResultPage[Event, str]:
        """Return submissions of one form, newest first. HubSpot cannot filter them by time or contact."""
        query = [("limit", str(limit)), *([("after", after)] if after else [])]
        data = self._transport.get(f"/form-integrations/v1/submissions/forms/{quote(form_id, safe='')}", query)
        operation = "read the submissions of a form"
        with translate_parse_errors(operation):
            events, unreadable = self._rows.parse(data["results"], partial(parse_submission, form_id=form_id), operation=operation)
            return ResultPage(items=events, next=parse_next_cursor(data.get("paging")), unreadable=unreadable)

    def _read_page(self, after: str | None, *, archived: bool) -> ResultPage[Form, str]:
        which: JsonObject = {"form_types": ["all"], **({"archived": True} if archived else {})}  # the default is HubSpot forms only
        data: JsonObject = self._api.get_page(limit=PAGE_SIZE, **which, **({"after": after} if after else {}), **RAW)
        with translate_parse_errors("read the forms"):
            forms, unreadable = self._rows.parse(data["results"], parse_form, operation="read the forms")
            return ResultPage(items=forms, next=parse_next_cursor(data.get("paging")), unreadable=unreadable)


class _SubmissionRow(msgspec.Struct, rename="camel"):
    submitted_at: Milliseconds
    values: list[Any]
    conversion_id: TextId | None = None
    page_url: str | None = None


def parse_submission(row: object, form_id: str) -> Event:
    """Parse a submission. Only the email address of the contact identifies it: a form may have fields of other objects, too."""
    data = convert(row, _SubmissionRow)
    address = normalize_email(_find_email(data.values))
    return Event(
        id=data.conversion_id or _stable_id(form_id, data.submitted_at, address),
        kind="form_submission",
        at=from_ms(data.submitted_at),
        email=address,
        url=data.page_url,
        form_id=form_id,
    )


def _find_email(fields: Sequence[Any]) -> str | None:
    """Return the email address of the contact. A field is named by its object type and its name; what the others hold does not matter."""
    emails = [field for field in fields if isinstance(field, dict) and field.get("name") == "email"]
    if not all(isinstance(field.get("objectTypeId"), str | None) for field in emails):
        raise UnreadableField("the object type of an email address is not a text")
    value = next((field["value"] for field in emails if field.get("objectTypeId") in CONTACT_OBJECT_TYPE_IDS and field.get("value")), None)
    if not isinstance(value, str | None):
        raise UnreadableField("the email address is not a text")
    return value


def _stable_id(form_id: str, submitted_at: int, email: str | None) -> str:
    """Return an id that is the same at every read and does not reveal the email address."""
    return hashlib.sha256(f"{form_id} {submitted_at} {email}".encode()).hexdigest()[:32]
