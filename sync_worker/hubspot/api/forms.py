"""Forms API: forms and their submissions."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Final

from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.models import Event, Form, ResultPage
from sync_worker.hubspot.records.parsing import JsonObject, parse_form, parse_next_cursor, translate_parse_errors
from sync_worker.hubspot.rest.sdk import RAW, Untyped
from sync_worker.hubspot.rest.transport import Transport
from sync_worker.timestamps import from_ms

PAGE_SIZE: Final = 100
SUBMISSIONS_PAGE_SIZE: Final = 50


class Forms:
    """The forms of the portal."""

    def __init__(self, api: Untyped, transport: Transport) -> None:
        self._api = api
        self._transport = transport

    def list_all(self, *, archived: bool = False) -> tuple[Form, ...]:
        """Return all active forms, or all archived ones: HubSpot forms, pop-ups and collected forms of other sites."""
        pages = follow_pages(partial(self._read_page, archived=archived), operation="read the forms")
        return tuple(form for page in pages for form in page.items)

    def read_submissions(self, form_id: str, after: str | None = None, *, limit: int = SUBMISSIONS_PAGE_SIZE) -> ResultPage[Event, str]:
        """Return submissions of one form, newest first. HubSpot cannot filter them by time or contact."""
        query = [("limit", str(limit)), *([("after", after)] if after else [])]
        data = self._transport.get(f"/form-integrations/v1/submissions/forms/{form_id}", query)
        with translate_parse_errors("read the submissions of a form"):
            return ResultPage(
                items=tuple(parse_submission(row, form_id) for row in data["results"]), next=parse_next_cursor(data.get("paging"))
            )

    def _read_page(self, after: str | None, *, archived: bool) -> ResultPage[Form, str]:
        which: JsonObject = {"form_types": ["all"], **({"archived": True} if archived else {})}  # the default is HubSpot forms only
        data: JsonObject = self._api.get_page(limit=PAGE_SIZE, **which, **({"after": after} if after else {}), **RAW)
        with translate_parse_errors("read the forms"):
            return ResultPage(items=tuple(map(parse_form, data["results"])), next=parse_next_cursor(data.get("paging")))


def parse_submission(row: JsonObject, form_id: str) -> Event:
    """Parse a submission. Only its email address identifies the contact."""
    values = {value["name"]: value.get("value") for value in row["values"]}
    address = (values.get("email") or "").strip().lower() or None
    return Event(
        id=row.get("conversionId") or _stable_id(form_id, row["submittedAt"], address),
        kind="form_submission",
        at=from_ms(row["submittedAt"]),
        email=address,
        url=row.get("pageUrl"),
        form_id=form_id,
    )


def _stable_id(form_id: str, submitted_at: int, email: str | None) -> str:
    """Return an id that is the same at every read and does not reveal the email address."""
    return hashlib.sha256(f"{form_id} {submitted_at} {email}".encode()).hexdigest()[:32]
