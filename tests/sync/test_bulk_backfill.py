"""`backfill --via bulk`: the same result as through the API with few calls, and faults on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from sync_worker.errors import ExitCode, Unavailable, UnsafePlan
from sync_worker.sandbox.base.config import Switches
from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.sandbox.crm.imports import ImportTask
from sync_worker.store import database, leases
from sync_worker.sync.run_report import RunReport
from tests.harness import MINUTE, Harness
from tests.sync.bulk_fakes import (
    CONTACTS,
    PowerCut,
    PowerCutProgress,
    alter_exports,
    bulk_harness,
    contact_id,
    find_import,
    make_bulk_portal,
    once_import_started,
    set_on_wait,
)

EXPORT = "POST /crm/exports/*/async"
STATUS = "GET /crm/exports/*/status"
IMPORT = "POST /crm/imports/2026-09"


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    with bulk_harness(tmp_path) as harness:
        yield harness


def count_requests(report: RunReport, what: str) -> int:
    return sum(number for endpoint, number in report.requests.items() if what in endpoint)


def run_both_ways(folder: Path, scenario: Callable[..., Any], data: PortalData | None = None, **options: Any) -> list[Any]:
    """Run a scenario through the API and in bulk; return its results, each with the digest of the portal."""
    results = []
    for bulk in (False, True):
        with bulk_harness(folder / str(bulk), data, **options) as harness:
            results.append((scenario(harness, bulk=bulk), harness.digest()))
    return results


def remove_option(harness: Harness, name: str, value: str) -> None:
    """Remove an option of a property, as an administrator can."""
    definition = harness.portal.catalog().get(name)
    assert definition is not None
    harness.portal.catalog().save(replace(definition, options=tuple(each for each in definition.options if each.value != value)))


@pytest.fixture(scope="module")
def api_digest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the digest of the portal after a backfill through the API."""
    with bulk_harness(tmp_path_factory.mktemp("expected")) as harness:
        harness.backfill()
        return harness.digest()


# The same result.


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_the_final_state_equals_that_of_the_api_byte_for_byte(tmp_path: Path, api_digest: str, version: Any) -> None:
    with bulk_harness(tmp_path, api_version=version) as harness:
        report = harness.backfill(bulk=True)
        assert harness.digest() == api_digest
        assert (report.written, report.pulled["contacts"], report.notes, report.rejected) == (CONTACTS, CONTACTS, [], [])
        assert (
            count_requests(report, "batch/update"),
            count_requests(report, "export/async") > 0,
            count_requests(report, "POST /crm/") > 0,
        ) == (0, True, True)
        harness.advance()
        assert harness.sync().written == 0
        assert harness.digest() == api_digest


VARIANTS: dict[str, Any] = {"export_times": "local", "empty_cell": "cleared", "bad_cell": "cell", "bump_on_equal_write": True}


@pytest.mark.parametrize(
    "variants",
    [
        pytest.param(VARIANTS, id="all at once"),
        *(pytest.param({name: position}, id=name, marks=pytest.mark.soak) for name, position in VARIANTS.items()),
    ],
)
def test_the_final_state_is_the_same_under_every_api_variant(tmp_path: Path, variants: dict[str, Any]) -> None:
    def scenario(harness: Harness, *, bulk: bool) -> Any:
        harness.backfill(bulk=bulk)
        remove_option(harness, "lead_grade", "C")
        harness.advance(60 * 24 * 3)
        for number in range(CONTACTS - 5):
            harness.set_hubspot_values(contact_id(harness, number), hs_email_optout="true", jobtitle="CTO")
        return sorted(id_ for id_, _ in harness.backfill(bulk=bulk).rejected)

    api, bulk = run_both_ways(tmp_path, scenario, switches=Switches(**variants))
    assert api == bulk
    assert len(api[0]) > 0


def test_cleared_values_stages_and_lists_are_the_same_in_bulk(tmp_path: Path) -> None:
    def scenario(harness: Harness, *, bulk: bool) -> Any:
        harness.approve_unseen()
        harness.backfill(bulk=bulk)
        harness.advance()
        for number in range(0, CONTACTS, 2):
            harness.opt_out(contact_id(harness, number))
        report = harness.backfill(bulk=bulk)
        return (
            report.written,
            harness.members("MQL"),
            [harness.value(contact_id(harness, number), "lead_mql_reason") for number in (3, 23, 24)],
        )

    api, bulk = run_both_ways(tmp_path, scenario)
    assert api == bulk
    assert len(api[0][1]) > 0


def test_the_number_of_calls_does_not_grow_with_the_contacts(tmp_path: Path) -> None:
    totals = []
    for contacts in (CONTACTS, 4 * CONTACTS):
        data = replace(make_bulk_portal(contacts), email_events=(), submissions=(), companies=(), forms=())
        with bulk_harness(tmp_path / str(contacts), data) as harness:
            report = harness.backfill(bulk=True)
            assert report.written == contacts
            totals.append(sum(report.requests.values()))
    assert totals[0] == totals[1] <= 30


def test_many_companies_are_read_from_an_export(tmp_path: Path) -> None:
    data, stamp = make_bulk_portal(), "2026-02-03T04:05:06Z"
    companies = [
        {"id": str(10_000 + number), "properties": {"name": f"C{number}", "numberofemployees": str(number)}, "updatedAt": stamp}
        for number in range(CONTACTS)
    ]
    contacts = [
        {**row, "properties": {**row["properties"], "associatedcompanyid": str(10_000 + index)}} for index, row in enumerate(data.contacts)
    ]

    def scenario(harness: Harness, *, bulk: bool) -> Any:
        report = harness.backfill(bulk=bulk)
        return report.pulled["companies"], count_requests(report, "GET /crm/objects/2026-09/companies") * bulk

    api, bulk = run_both_ways(tmp_path, scenario, replace(data, companies=companies, contacts=contacts))
    assert api == bulk
    assert api[0] == (CONTACTS, 0)


def test_a_few_contacts_are_read_and_written_through_the_api(tmp_path: Path) -> None:
    data = make_bulk_portal()
    with bulk_harness(tmp_path, replace(data, contacts=list(data.contacts)[:30])) as harness:
        report = harness.backfill(bulk=True)
    assert (report.written, report.notes, count_requests(report, "/exports/"), count_requests(report, "/imports")) == (30, [], 0, 0)


def test_a_dry_run_reads_in_bulk_and_writes_nothing(harness: Harness) -> None:
    before = harness.digest()
    report = harness.backfill(bulk=True, dry_run=True)
    assert (report.plan.contacts, report.written, count_requests(report, "export/async") > 0, count_requests(report, "/imports")) == (
        CONTACTS,
        0,
        True,
        0,
    )
    assert harness.digest() == before


def test_a_contact_changed_during_the_export_is_evaluated_as_it_is_now(harness: Harness) -> None:
    contact = contact_id(harness, 0)
    harness.edit_contact(contact, jobtitle="CTO")

    def restore_old_values(row: dict[str, str]) -> dict[str, str]:
        old = {"jobtitle": "", "lastmodifieddate": "2026-01-01T00:00:00Z"}
        return {**row, **old} if row["hs_object_id"] == str(contact) else row

    alter_exports(harness, restore_old_values)
    harness.backfill(bulk=True)
    assert "✓ role" in str(harness.value(contact, "lead_grade_reasons"))


def test_a_contact_that_the_export_lacks_is_read_through_the_api(tmp_path: Path) -> None:
    with bulk_harness(tmp_path, make_bulk_portal(120)) as harness:
        lost = contact_id(harness, 60)
        alter_exports(harness, lambda row: None if row["hs_object_id"] == str(lost) else row)
        report = harness.backfill(bulk=True)
        assert (report.written, report.notes) == (120, [])
        assert harness.value(lost, "lead_score") is not None


def test_check_reports_whether_bulk_is_available(harness: Harness) -> None:
    with harness.worker() as worker:
        assert [(access.resource, access.granted) for access in worker.check().bulk] == [("exports", True), ("imports", True)]
        harness.inject_fault("GET /crm/imports/*", status=403, body="json")
        report = worker.check()
    assert [access.granted for access in report.bulk] == [True, False]
    assert report.exit_code == ExitCode.DONE


# Safety limits and undo.


def test_a_plan_that_is_too_large_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    settings = {"requests_in_flight": 2, "judged_from_contacts": 10, "max_new_mqls_share": 0.01}
    with bulk_harness(tmp_path, settings=settings) as harness:
        before = harness.digest()
        with pytest.raises(UnsafePlan, match="Nothing of it was written"):
            harness.backfill(bulk=True)
        assert (harness.digest(), find_import(harness)) == (before, None)


def test_an_import_can_be_undone(harness: Harness) -> None:
    before = harness.digest()
    run = harness.backfill(bulk=True).run_id
    assert harness.digest() != before
    with harness.worker() as worker:
        assert worker.undo(run).written == CONTACTS
    assert harness.digest() == before


# Rejected rows and unexpected behavior of HubSpot.


def test_a_rejected_row_is_listed_and_waits_until_another_value_is_desired(tmp_path: Path) -> None:
    def scenario(harness: Harness, *, bulk: bool) -> Any:
        remove_option(harness, "lead_grade", "C")
        report = harness.backfill(bulk=bulk)
        assert (report.exit_code, harness.sync().written) == (ExitCode.SOME_REJECTED, 0)
        return sorted(report.rejected), report.written

    api, bulk = run_both_ways(tmp_path, scenario)
    assert api == bulk
    assert 0 < len(api[0][0]) < CONTACTS


def test_contacts_deleted_or_merged_during_the_import_do_not_stop_the_others(harness: Harness) -> None:
    deleted, merged, other = (contact_id(harness, number) for number in (3, 4, 5))

    def delete_and_merge(_: ImportTask) -> None:
        harness.archive_contact(deleted)
        harness.merge_contacts(merged, other)

    set_on_wait(harness, once_import_started(harness, delete_and_merge))
    report = harness.backfill(bulk=True)
    assert report.rejected == []
    set_on_wait(harness, None)
    for _ in range(2):
        harness.advance()
        harness.sync()
    harness.advance()
    assert harness.sync().plan.contacts == 0


def test_rows_that_an_import_silently_omits_are_found_and_written(harness: Harness, api_digest: str) -> None:
    def skip_rows(task: ImportTask) -> None:
        task.rows_done += 5

    set_on_wait(harness, once_import_started(harness, skip_rows))
    report = harness.backfill(bulk=True)
    assert harness.digest() == api_digest
    assert (report.written, count_requests(report, "batch/update")) == (CONTACTS, 1)


def test_every_row_is_verified_when_the_counters_do_not_add_up(harness: Harness, api_digest: str) -> None:
    def miscount(task: ImportTask) -> None:
        task.counters["UPDATED_OBJECTS"] -= 1

    set_on_wait(harness, once_import_started(harness, miscount))
    report = harness.backfill(bulk=True)
    assert harness.digest() == api_digest
    assert (report.written, count_requests(report, "batch/update")) == (CONTACTS, 0)
    assert count_requests(report, "contacts/batch/read") > 0


def test_a_canceled_import_is_completed_through_the_api(harness: Harness, api_digest: str) -> None:
    def cancel(task: ImportTask) -> None:
        task.canceled_at = harness.now_ms()

    set_on_wait(harness, once_import_started(harness, cancel))
    report = harness.backfill(bulk=True)
    assert harness.digest() == api_digest
    assert ["canceled" in note for note in report.notes] == [True]
    assert report.written == CONTACTS


def test_the_lease_is_renewed_while_the_run_waits_for_hubspot(tmp_path: Path) -> None:
    with bulk_harness(tmp_path, settings={"requests_in_flight": 2, "lease_minutes": 2}) as harness:

        def delay(task: ImportTask) -> None:
            task.starts_at += 10 * MINUTE

        remaining_ms, delay_once = list[int](), once_import_started(harness, delay)

        started = harness.clock()

        def record_lease() -> None:
            harness.uptime = (harness.clock() - started).total_seconds()
            delay_once()
            store = database.open_store(harness.state_url)
            with store.transaction() as tx:
                holder = leases.load(tx)
            store.close()
            assert holder is not None
            remaining_ms.append(holder.expires_at - harness.now_ms())

        set_on_wait(harness, record_lease)
        assert harness.backfill(bulk=True).written == CONTACTS
        assert len(remaining_ms) > 20
        assert min(remaining_ms) > 0


# Fallback to the API.


@pytest.mark.parametrize(
    ("endpoint", "status", "verb"),
    [(EXPORT, 403, "read"), (STATUS, 403, "read"), (EXPORT, 404, "read"), (IMPORT, 403, "written"), (IMPORT, 400, "written")],
)
def test_without_bulk_access_the_api_is_used_and_a_note_says_why(
    harness: Harness, api_digest: str, endpoint: str, status: int, verb: str
) -> None:
    harness.inject_fault(endpoint, status=status, body="json")
    with structlog.testing.capture_logs() as logs:
        report = harness.backfill(bulk=True)
    (note,) = report.notes
    assert note.startswith(f"Contacts are {verb} in the usual way, not in bulk: ")
    assert [line["event"] for line in logs].count("bulk.fell_back") == 1
    assert (report.written, report.exit_code, harness.digest()) == (CONTACTS, ExitCode.DONE, api_digest)


def test_a_run_does_not_wait_for_the_daily_limit_of_exports(harness: Harness, api_digest: str) -> None:
    for _ in range(30):
        harness.portal.exports.start({}, app_id="sandbox", now=harness.now_ms() - 10**6)
    report = harness.backfill(bulk=True)
    assert ["30 exports" in note for note in report.notes] == [True]
    assert harness.digest() == api_digest


def test_a_run_does_not_wait_for_the_daily_limit_of_imported_rows(harness: Harness, api_digest: str) -> None:
    task = harness.portal.imports.start({}, app_id="another", row_count=80_000_000, now=harness.now_ms(), write_row=lambda _, __: None)
    task.rows_done = task.row_count
    report = harness.backfill(bulk=True)
    assert ["limit of imported rows" in note for note in report.notes] == [True]
    assert harness.digest() == api_digest


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda row: {**row, "email": row["email"].upper()}, "shows other values of email than the API"),
        (lambda row: {**row, "lastmodifieddate": "2026-02-03 04:05"}, "lacks a requested column or has an invalid value"),
        (lambda row: None if int(row["hs_object_id"]) % 20 == 0 else row, f"of {CONTACTS}"),
        (
            lambda row: {name: value for name, value in row.items() if name != "associatedcompanyid"},
            "shows other values of associatedcompanyid than the API",
        ),
    ],
    ids=["values", "times", "rows", "columns"],
)
def test_an_export_that_differs_from_the_api_is_not_used(harness: Harness, api_digest: str, change: Any, expected: str) -> None:
    alter_exports(harness, change)
    report = harness.backfill(bulk=True)
    assert [expected in note for note in report.notes] == [True]
    assert harness.digest() == api_digest


# Lost responses and interrupted runs.


def test_an_import_whose_response_was_lost_is_not_started_twice(harness: Harness, api_digest: str) -> None:
    harness.inject_fault(IMPORT, status=502, when="after", times=1)
    report = harness.backfill(bulk=True)
    assert len(harness.portal.imports.list_for_app("sandbox")) == 1
    assert (report.notes, report.written, harness.digest()) == ([], CONTACTS, api_digest)


@pytest.mark.parametrize(
    ("endpoint", "fault"),
    [
        (EXPORT, {"status": 502}),
        (EXPORT, {"fault": "rate_limit"}),
        (STATUS, {"fault": "cut"}),
        (STATUS, {"fault": "rate_limit"}),
        (IMPORT, {"fault": "reset", "when": "after"}),
        (IMPORT, {"fault": "rate_limit"}),
        (IMPORT, {"fault": "locked"}),
        ("GET /crm/imports/*", {"fault": "reset"}),
        ("GET /crm/imports/*/errors", {"status": 503}),
    ],
)
def test_a_temporary_fault_is_retried(tmp_path: Path, api_digest: str, endpoint: str, fault: dict[str, Any]) -> None:
    with bulk_harness(tmp_path) as harness:
        harness.inject_fault(endpoint, **{"times": 1, **fault})
        report = harness.backfill(bulk=True)
        assert (report.notes, report.written, harness.digest()) == ([], CONTACTS, api_digest)


@pytest.mark.parametrize("following", ["bulk", "api", "sync"])
@pytest.mark.parametrize("waits", [1, 2, 3])
def test_the_next_run_completes_a_run_that_was_stopped_anywhere(tmp_path: Path, api_digest: str, waits: int, following: str) -> None:
    with bulk_harness(tmp_path) as harness:
        with pytest.raises(PowerCut):
            harness.backfill(bulk=True, progress=PowerCutProgress(waits))
        if following == "sync":
            harness.sync()
        else:
            harness.backfill(bulk=following == "bulk")
        assert harness.digest() == api_digest
        harness.advance()
        assert harness.sync().written == 0
        assert harness.digest() == api_digest


def test_the_next_run_uses_the_export_of_a_stopped_run(harness: Harness) -> None:
    with pytest.raises(PowerCut):
        harness.backfill(bulk=True, progress=PowerCutProgress(1))
    assert count_requests(harness.backfill(bulk=True), EXPORT.replace("*", "2026-09/export")) == 0


def test_no_stale_value_overwrites_a_newer_one(harness: Harness) -> None:
    """HubSpot continues the import of a stopped run. The next run waits for it before it writes newer values."""
    with pytest.raises(PowerCut):
        harness.backfill(bulk=True, progress=PowerCutProgress(3))
    task = find_import(harness)
    assert task is not None
    assert task.rows_done == 0
    clicked = contact_id(harness, 5)
    harness.opt_out(clicked)
    harness.backfill()
    assert task.rows_done == CONTACTS
    before = harness.contact(clicked)
    harness.advance(60)
    assert harness.sync().written == 0
    assert harness.contact(clicked)["lead_score"] == before["lead_score"] != "5"


def test_the_next_run_waits_for_an_import_that_takes_too_long(tmp_path: Path, api_digest: str) -> None:
    with bulk_harness(tmp_path, settings={"requests_in_flight": 2, "bulk_minutes": 5}) as harness:

        def delay(task: ImportTask) -> None:
            task.starts_at += 60 * 60_000

        set_on_wait(harness, once_import_started(harness, delay))
        with pytest.raises(Unavailable, match="HubSpot has not finished import 1 after 0:05:00"):
            harness.backfill(bulk=True)
        with pytest.raises(Unavailable, match="HubSpot has not finished import 1"):
            harness.sync()
        harness.advance(60)
        harness.sync()
        assert harness.digest() == api_digest
