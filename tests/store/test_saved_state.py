"""The JSON values of the `meta` table, as earlier versions wrote them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, insert, select

from sync_worker.errors import StateError
from sync_worker.store.saved_state import last_purge, pending_import, portal_cache, scan_state
from sync_worker.store.saved_state.pending_import import PendingImport
from sync_worker.store.saved_state.portal_cache import PortalCache
from sync_worker.store.saved_state.scan_state import EventTypes, FormCheck, FullScanState, SeenConversion, WebinarState
from sync_worker.store.schema import meta


class SavedValue(NamedTuple):
    """A value with the JSON that earlier versions wrote."""

    key: str
    text: str
    value: object
    load: Callable[[Connection], Any]
    save: Callable[[Connection, Any], None]


VALUES = {
    "a finished full scan": SavedValue(
        "sweep",
        '{"number":7,"started":1795176000000,"done":true}',
        FullScanState(number=7, started_at=1_795_176_000_000, done=True),
        scan_state.load_full_scan,
        scan_state.save_full_scan,
    ),
    "a full scan by partitions": SavedValue(
        "sweep",
        '{"number":1,"started":1795176000000,"done":false,"asked":["email","company.name"]}',
        FullScanState(number=1, started_at=1_795_176_000_000, done=False, requested_properties=("email", "company.name")),
        scan_state.load_full_scan,
        scan_state.save_full_scan,
    ),
    "a full scan by export": SavedValue(
        "sweep",
        '{"number":1,"started":1,"done":false,"asked":["email"],"export":"43"}',
        FullScanState(number=1, started_at=1, done=False, requested_properties=("email",), export_id="43"),
        scan_state.load_full_scan,
        scan_state.save_full_scan,
    ),
    "the cursor of the contacts": SavedValue(
        "cursor:contacts",
        "1795176000000",
        1_795_176_000_000,
        lambda tx: scan_state.load_cursor(tx, "contacts"),
        lambda tx, at: scan_state.save_cursor(tx, "contacts", at),
    ),
    "a watermark": SavedValue(
        "settled:email_click",
        "1795175400001",
        1_795_175_400_001,
        lambda tx: scan_state.load_watermark(tx, "email_click"),
        lambda tx, at: scan_state.save_watermark(tx, "email_click", at),
    ),
    "the properties that were read": SavedValue(
        "read",
        '["email","company.name"]',
        ("email", "company.name"),
        scan_state.load_read_properties,
        scan_state.save_read_properties,
    ),
    "the event types": SavedValue(
        "event_types",
        '{"asked_at":1795176000000,"names":["e_submitted_form","e_visited_page"]}',
        EventTypes(fetched_at=1_795_176_000_000, names=("e_submitted_form", "e_visited_page")),
        scan_state.load_event_types,
        scan_state.save_event_types,
    ),
    "the check of all forms": SavedValue(
        "forms",
        '{"looked_at":1795176000000,"seen":[]}',
        FormCheck(checked_at=1_795_176_000_000, seen=()),
        scan_state.load_form_check,
        scan_state.save_form_check,
    ),
    "the check of forms after a conversion": SavedValue(
        "forms",
        '{"looked_at":5,"seen":[[2,"2026-11-19T12:00:00Z","3"],[4,"",""]]}',
        FormCheck(checked_at=5, seen=(SeenConversion(2, "2026-11-19T12:00:00Z", "3"), SeenConversion(4, "", ""))),
        scan_state.load_form_check,
        scan_state.save_form_check,
    ),
    "the archived forms": SavedValue(
        "archived_forms",
        '{"old":1795089600000,"unknown":0}',
        {"old": 1_795_089_600_000, "unknown": 0},
        scan_state.load_archived_forms,
        scan_state.save_archived_forms,
    ),
    "a webinar": SavedValue(
        "webinar:501",
        '{"mark":"1795089600000/1","moved":1795176000000,"read":1795176300000}',
        WebinarState(fingerprint="1795089600000/1", changed_at=1_795_176_000_000, read_at=1_795_176_300_000),
        lambda tx: scan_state.load_webinar(tx, "501"),
        lambda tx, webinar: scan_state.save_webinar(tx, "501", webinar),
    ),
    "the page-view queue": SavedValue("newcomers", "[3,8]", (3, 8), scan_state.load_page_view_queue, scan_state.save_page_view_queue),
    "the portal": SavedValue(
        "portal",
        (
            '{"id":42,"time_zone":"Europe/Berlin","stages":["lead","customer"],"shows_occurrences":true,"asked":["lead_score"],'
            '"identity":"d651bfc031d9d6de","looked_at":1795176000000}'
        ),
        PortalCache(
            portal_id=42,
            time_zone="Europe/Berlin",
            stages=("lead", "customer"),
            shows_occurrences=True,
            property_names=("lead_score",),
            identity="d651bfc031d9d6de",
            fetched_at=1_795_176_000_000,
        ),
        portal_cache.load,
        portal_cache.save,
    ),
    "an import about to start": SavedValue(
        "import",
        '{"name":"sync-worker 1","id":null,"at":1795176000000}',
        PendingImport(name="sync-worker 1", import_id=None, started_at=1_795_176_000_000),
        pending_import.load,
        pending_import.save,
    ),
    "a started import": SavedValue(
        "import",
        '{"name":"sync-worker 1","id":"12","at":1795176000000}',
        PendingImport(name="sync-worker 1", import_id="12", started_at=1_795_176_000_000),
        pending_import.load,
        pending_import.save,
    ),
    "the last purge": SavedValue("tidied_at", "1795176000000", 1_795_176_000_000, last_purge.load, last_purge.save),
}
each_value = pytest.mark.parametrize("saved", VALUES.values(), ids=VALUES)


def write(tx: Connection, key: str, text: str) -> None:
    tx.execute(insert(meta).values(key=key, value=text))


def read(tx: Connection, key: str) -> object:
    return json.loads(tx.execute(select(meta.c.value).where(meta.c.key == key)).scalar_one())


@each_value
def test_the_value_of_an_earlier_version_is_loaded(tx: Connection, saved: SavedValue) -> None:
    assert not saved.load(tx)
    write(tx, saved.key, saved.text)
    assert saved.load(tx) == saved.value


@each_value
def test_the_json_is_that_of_earlier_versions(tx: Connection, saved: SavedValue) -> None:
    saved.save(tx, saved.value)
    assert read(tx, saved.key) == json.loads(saved.text)
    assert saved.load(tx) == saved.value


@pytest.mark.parametrize("token", [None, "100"])
def test_in_earlier_versions_a_token_means_a_sequential_scan(tx: Connection, token: str | None) -> None:
    write(tx, "sweep", json.dumps({"number": 1, "started": 5, "done": False, "asked": ["email"], "token": token}))
    scan = scan_state.load_full_scan(tx)
    assert scan == FullScanState(number=1, started_at=5, done=False, requested_properties=("email",), is_sequential=True, token=token)
    scan_state.save_full_scan(tx, scan)
    assert scan_state.load_full_scan(tx) == scan


def test_a_portal_without_an_identity_is_read(tx: Connection) -> None:
    write(tx, "portal", '{"id":42,"time_zone":"UTC","stages":[],"shows_occurrences":false,"asked":[],"looked_at":1}')
    portal = portal_cache.load(tx)
    assert portal is not None
    assert portal.identity is None


def test_an_abandoned_scan_is_done(tx: Connection) -> None:
    scan_state.abandon_full_scan(tx)
    assert scan_state.load_full_scan(tx) is None
    scan_state.save_full_scan(tx, FullScanState(number=3, started_at=5, done=False, requested_properties=("email",)))
    scan_state.abandon_full_scan(tx)
    scan = scan_state.load_full_scan(tx)
    assert scan is not None
    assert (scan.number, scan.done) == (3, True)


def test_all_webinars_are_read_by_id(tx: Connection) -> None:
    webinar = WebinarState(fingerprint="1/2", changed_at=3, read_at=4)
    scan_state.save_webinar(tx, "501", webinar)
    scan_state.save_webinar(tx, "502", webinar)
    assert scan_state.load_webinars(tx) == {"501": webinar, "502": webinar}


def test_an_empty_queue_and_no_archived_forms_are_saved(tx: Connection) -> None:
    scan_state.save_page_view_queue(tx, {9, 2})
    scan_state.save_page_view_queue(tx, ())
    scan_state.save_archived_forms(tx, {})
    assert (read(tx, "newcomers"), read(tx, "archived_forms")) == ([], {})


def test_a_finished_import_is_deleted(tx: Connection) -> None:
    pending_import.save(tx, PendingImport(name="a", import_id=None, started_at=1))
    pending_import.delete(tx)
    assert pending_import.load(tx) is None


@pytest.mark.parametrize("text", ['{"number":"seven","started":1,"done":true}', '{"started":1,"done":true}', "{}"])
def test_an_invalid_value_is_named(tx: Connection, text: str) -> None:
    write(tx, "sweep", text)
    with pytest.raises(StateError, match="invalid value under the key 'sweep'") as refused:
        scan_state.load_full_scan(tx)
    assert "SYNC_WORKER_STATE_URL" in str(refused.value.hint)
