"""Reads a stream again from an instant: the next run starts there instead of at its last read. Events that are known change nothing."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import structs
from sqlalchemy import Connection

from sync_worker.errors import ConfigurationError
from sync_worker.store.facts import coverage
from sync_worker.store.saved_state import scan_state, service_control
from sync_worker.sync.pull import hubspot_streams
from sync_worker.sync.pull.activity.form_watcher import EVENT_KIND as FORM_SUBMISSION
from sync_worker.sync.pull.activity.webinar_attendance import EVENT_KIND as WEBINAR
from sync_worker.sync.pull.records.companies import COMPANY_STREAM
from sync_worker.sync.pull.records.full_scan import CONTACT_STREAM
from sync_worker.sync.pull.records.incremental import CHANGE_STREAM


def request_resync(tx: Connection, stream: str, since: int, *, event_kinds: Collection[str]) -> None:
    """Save that the next run reads a stream again from an instant (milliseconds).

    Raises ConfigurationError if the model does not read such a stream.
    """
    known = [CONTACT_STREAM, COMPANY_STREAM, *sorted(event_kinds)]
    if stream not in known:
        raise ConfigurationError(f"The model reads no stream {stream}.", hint=f"It reads: {', '.join(known)}.")
    requests = service_control.load_resyncs(tx)
    service_control.save_resyncs(tx, {**requests, stream: min(since, requests.get(stream, since))})


def apply_resyncs(tx: Connection) -> dict[str, int]:
    """Move the read progress of the requested streams back; return their starts (milliseconds)."""
    requests = service_control.load_resyncs(tx)
    for stream, since in requests.items():
        _move_back(tx, stream, since)
    if requests:
        service_control.save_resyncs(tx, {})
    return requests


def _move_back(tx: Connection, stream: str, since: int) -> None:
    if stream == CONTACT_STREAM:
        coverage.remove(tx, CHANGE_STREAM, since, hubspot_streams.MAX_KEY)
    if stream in {CONTACT_STREAM, COMPANY_STREAM}:
        if (cursor := scan_state.load_cursor(tx, stream)) is not None:  # else all of them are read anyway
            scan_state.save_cursor(tx, stream, min(cursor, since))
    elif stream == FORM_SUBMISSION:
        scan_state.save_form_reread(tx, since)
        scan_state.clear_form_check(tx)
    elif stream == WEBINAR:
        for webinar_id, webinar in scan_state.load_webinars(tx).items():
            scan_state.save_webinar(tx, webinar_id, structs.replace(webinar, fingerprint=""))
    else:
        watermark = scan_state.load_watermark(tx, stream)
        scan_state.save_watermark(tx, stream, since if watermark is None else min(watermark, since))
