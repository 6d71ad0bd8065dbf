"""Read progress, apart from `coverage`: the full scan, cursors, watermarks, and what was last seen of forms, webinars and event types.

All times are milliseconds. The JSON keys are those of earlier versions: a state that they wrote stays readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec
from msgspec import structs
from sqlalchemy import Connection

from sync_worker.store.saved_state import key_value

_FULL_SCAN_KEY: Final = "sweep"
_CURSOR_PREFIX: Final = "cursor:"
_WATERMARK_PREFIX: Final = "settled:"
_LATE_READ_PREFIX: Final = "late:"
_RECONCILIATION_KEY: Final = "reconcile"
_READ_PROPERTIES_KEY: Final = "read"
_EVENT_TYPES_KEY: Final = "event_types"
_FORM_CHECK_KEY: Final = "forms"
_FORM_REREAD_KEY: Final = "forms_again"
_ARCHIVED_FORMS_KEY: Final = "archived_forms"
_WEBINAR_PREFIX: Final = "webinar:"
_PAGE_VIEW_QUEUE_KEY: Final = "newcomers"
_SEARCH_GAP_KEY: Final = "search_gap"


class FullScanState(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"started_at": "started", "requested_properties": "asked", "is_sequential": "sequential", "export_id": "export"},
):
    """The last full scan of the contacts.

    A scan reads partitions in parallel, and `coverage` says which. A sequential scan follows the list page by page; `token` names its next
    page. `export_id` is the export that a bulk scan waits for.
    """

    number: int  # counts the scans; contacts.sweep is the last one that saw a contact
    started_at: int
    done: bool
    requested_properties: tuple[str, ...] = ()
    is_sequential: bool = False
    token: str | None = None  # None: the first page
    export_id: str | None = None


class EventTypes(msgspec.Struct, frozen=True, kw_only=True, rename={"fetched_at": "asked_at"}):
    """The names of the portal's event types."""

    fetched_at: int
    names: tuple[str, ...]


class SeenConversion(NamedTuple):
    """The last conversion of a contact, as HubSpot returned it."""

    contact_id: int
    converted_at: str
    conversions: str


class FormCheck(msgspec.Struct, frozen=True, kw_only=True, rename={"checked_at": "looked_at"}):
    """The last check for form submissions."""

    checked_at: int  # of the last read of all forms that was not caused by a conversion
    seen: tuple[SeenConversion, ...]  # the conversions since then


class WebinarState(msgspec.Struct, frozen=True, kw_only=True, rename={"fingerprint": "mark", "changed_at": "moved", "read_at": "read"}):
    """The last read of a webinar's attendance."""

    fingerprint: str
    changed_at: int  # when the fingerprint last changed
    read_at: int


def load_full_scan(tx: Connection) -> FullScanState | None:
    """Return the last full scan, or None if none has started."""
    value = key_value.get(tx, _FULL_SCAN_KEY)
    if value is None:
        return None
    # In states of earlier versions, the presence of a token, even null, means sequential.
    return key_value.convert(_FULL_SCAN_KEY, {"sequential": "token" in value, **value}, FullScanState)


def save_full_scan(tx: Connection, scan: FullScanState) -> None:
    """Save the last full scan."""
    key_value.put(tx, _FULL_SCAN_KEY, scan)


def abandon_full_scan(tx: Connection) -> None:
    """Mark the last full scan as done, so that it is not resumed."""
    if scan := load_full_scan(tx):
        save_full_scan(tx, structs.replace(scan, done=True))


def load_cursor(tx: Connection, stream: str) -> int | None:
    """Return the time up to which a stream has been read, or None."""
    return key_value.load(tx, _CURSOR_PREFIX + stream, int)


def save_cursor(tx: Connection, stream: str, at: int) -> None:
    """Save the time up to which a stream has been read."""
    key_value.put(tx, _CURSOR_PREFIX + stream, at)


def load_watermark(tx: Connection, kind: str) -> int | None:
    """Return the time after which late events of a kind may still arrive, or None."""
    return key_value.load(tx, _WATERMARK_PREFIX + kind, int)


def save_watermark(tx: Connection, kind: str, at: int) -> None:
    """Save the time after which late events of a kind may still arrive."""
    key_value.put(tx, _WATERMARK_PREFIX + kind, at)


def load_late_read(tx: Connection, kind: str) -> int | None:
    """Return when the last days of events of a kind were last read again, or None."""
    return key_value.load(tx, _LATE_READ_PREFIX + kind, int)


def save_late_read(tx: Connection, kind: str, at: int) -> None:
    """Save when the last days of events of a kind were last read again."""
    key_value.put(tx, _LATE_READ_PREFIX + kind, at)


def is_reconciliation_due(tx: Connection) -> bool:
    """Return whether HubSpot's totals must be compared with the state, because a full scan has finished."""
    return key_value.load(tx, _RECONCILIATION_KEY, bool) or False


def save_reconciliation_due(tx: Connection, *, due: bool) -> None:
    """Save whether HubSpot's totals must be compared with the state."""
    key_value.put(tx, _RECONCILIATION_KEY, due or None)


def load_read_properties(tx: Connection) -> tuple[str, ...]:
    """Return the properties that every contact and company has been read with; those of companies start with `company.`."""
    return key_value.load(tx, _READ_PROPERTIES_KEY, tuple[str, ...]) or ()


def save_read_properties(tx: Connection, names: Iterable[str]) -> None:
    """Save the properties that every contact and company has been read with."""
    key_value.put(tx, _READ_PROPERTIES_KEY, [*names])


def load_event_types(tx: Connection) -> EventTypes | None:
    """Return the event types, or None if they have not been read."""
    return key_value.load(tx, _EVENT_TYPES_KEY, EventTypes)


def save_event_types(tx: Connection, types: EventTypes) -> None:
    """Save the event types."""
    key_value.put(tx, _EVENT_TYPES_KEY, types)


def load_form_check(tx: Connection) -> FormCheck | None:
    """Return the last check for form submissions, or None."""
    return key_value.load(tx, _FORM_CHECK_KEY, FormCheck)


def save_form_check(tx: Connection, check: FormCheck) -> None:
    """Save the last check for form submissions."""
    key_value.put(tx, _FORM_CHECK_KEY, check)


def clear_form_check(tx: Connection) -> None:
    """Forget the last check for form submissions, so that the next run reads all forms."""
    key_value.put(tx, _FORM_CHECK_KEY, None)


def load_form_reread(tx: Connection) -> int | None:
    """Return from when on the submissions of all forms are read again, or None."""
    return key_value.load(tx, _FORM_REREAD_KEY, int)


def save_form_reread(tx: Connection, since: int | None) -> None:
    """Save from when on the submissions of all forms are read again; None: only new ones are read."""
    key_value.put(tx, _FORM_REREAD_KEY, since)


def load_archived_forms(tx: Connection) -> dict[str, int]:
    """Return when the forms were archived that have been read since, by id."""
    return key_value.load(tx, _ARCHIVED_FORMS_KEY, dict[str, int]) or {}


def save_archived_forms(tx: Connection, archived_at: Mapping[str, int]) -> None:
    """Save when the forms were archived that have been read since, by id."""
    key_value.put(tx, _ARCHIVED_FORMS_KEY, archived_at)


def load_webinars(tx: Connection) -> dict[str, WebinarState]:
    """Return the webinars whose attendance has been read, by id."""
    return key_value.load_by_prefix(tx, _WEBINAR_PREFIX, WebinarState)


def load_webinar(tx: Connection, webinar_id: str) -> WebinarState | None:
    """Return the last read of a webinar's attendance, or None."""
    return key_value.load(tx, _WEBINAR_PREFIX + webinar_id, WebinarState)


def save_webinar(tx: Connection, webinar_id: str, webinar: WebinarState) -> None:
    """Save the last read of a webinar's attendance."""
    key_value.put(tx, _WEBINAR_PREFIX + webinar_id, webinar)


def load_page_view_queue(tx: Connection) -> tuple[int, ...]:
    """Return the new contacts whose earlier page views have not been read, in order of id."""
    return key_value.load(tx, _PAGE_VIEW_QUEUE_KEY, tuple[int, ...]) or ()


def save_page_view_queue(tx: Connection, contact_ids: Iterable[int]) -> None:
    """Save the new contacts whose earlier page views have not been read."""
    key_value.put(tx, _PAGE_VIEW_QUEUE_KEY, sorted(contact_ids))


def load_search_gap(tx: Connection) -> int:
    """Return how many more contacts the state had than search after the last comparison: HubSpot has them, but not in its search index."""
    return key_value.load(tx, _SEARCH_GAP_KEY, int) or 0


def save_search_gap(tx: Connection, gap: int) -> None:
    """Save how many more contacts the state has than search; negative if search has more."""
    key_value.put(tx, _SEARCH_GAP_KEY, gap)
