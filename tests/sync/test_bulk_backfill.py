"""`backfill --via bulk`: the same end as by the API, for a handful of calls; and what comes in between."""

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
from sync_worker.sync.report import RunReport
from tests.harness import MINUTE, World
from tests.sync.bulk_fakes import CONTACTS, Cut, PowerCut, at_work, doctored, imported, meanwhile, one, some_people, the_import

EXPORT = "POST /crm/exports/*/async"
STATUS = "GET /crm/exports/*/status"
IMPORT = "POST /crm/imports/2026-09"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with at_work(tmp_path) as world:
        yield world


def sent(report: RunReport, what: str) -> int:
    return sum(number for endpoint, number in report.requests.items() if what in endpoint)


def twice(folder: Path, story: Callable[..., Any], data: PortalData | None = None, **options: Any) -> list[Any]:
    """Tell a story by the API and in bulk; return what comes of it, with the digest of the portal."""
    ends = []
    for bulk in (False, True):
        with at_work(folder / str(bulk), data, **options) as world:
            ends.append((story(world, bulk=bulk), world.digest()))
    return ends


def without_option(world: World, name: str, value: str) -> None:
    """Let an administrator take an option away."""
    definition = world.portal.catalog().get(name)
    assert definition is not None
    world.portal.catalog().save(replace(definition, options=tuple(each for each in definition.options if each.value != value)))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the portal is like in the end by the API."""
    with at_work(tmp_path_factory.mktemp("expected")) as world:
        world.backfill()
        return world.digest()


# The same end.


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_the_end_is_the_same_as_by_the_api_byte_for_byte(tmp_path: Path, expected: str, version: Any) -> None:
    with at_work(tmp_path, api_version=version) as world:
        report = world.backfill(bulk=True)
        assert world.digest() == expected
        assert (report.written, report.pulled["contacts"], report.notes, report.rejected) == (CONTACTS, CONTACTS, [], [])
        assert (sent(report, "batch/update"), sent(report, "export/async") > 0, sent(report, "POST /crm/") > 0) == (0, True, True)
        world.later()
        assert world.sync().written == 0
        assert world.digest() == expected


@pytest.mark.parametrize(
    "switches",
    [Switches(export_times="local"), Switches(empty_cell="cleared"), Switches(bad_cell="cell"), Switches(bump_on_equal_write=True)],
    ids=["export_times", "empty_cell", "bad_cell", "bump_on_equal_write"],
)
def test_the_end_is_the_same_whatever_hubspot_means(tmp_path: Path, switches: Switches) -> None:
    def story(world: World, *, bulk: bool) -> Any:
        world.backfill(bulk=bulk)
        without_option(world, "lead_grade", "C")
        world.later(60 * 24 * 3)
        for number in range(CONTACTS - 5):
            world.note(one(world, number), hs_email_optout="true", jobtitle="CTO")
        return sorted(id_ for id_, _ in world.backfill(bulk=bulk).rejected)

    api, bulk = twice(tmp_path, story, switches=switches)
    assert api == bulk
    assert len(api[0]) > 0


def test_what_is_cleared_and_moved_comes_out_the_same_and_so_do_lists(tmp_path: Path) -> None:
    def story(world: World, *, bulk: bool) -> Any:
        world.approve()
        world.backfill(bulk=bulk)
        world.later()
        for number in range(0, CONTACTS, 2):
            world.opt_out(one(world, number))
        report = world.backfill(bulk=bulk)
        return report.written, world.members("MQL"), [world.value(one(world, number), "lead_mql_reason") for number in (3, 23, 24)]

    api, bulk = twice(tmp_path, story)
    assert api == bulk
    assert len(api[0][1]) > 0


def test_the_number_of_calls_does_not_grow_with_the_contacts(tmp_path: Path) -> None:
    totals = []
    for contacts in (CONTACTS, 4 * CONTACTS):
        plain = replace(some_people(contacts), email_events=(), submissions=(), companies=(), forms=())
        with at_work(tmp_path / str(contacts), plain) as world:
            report = world.backfill(bulk=True)
            assert report.written == contacts
            totals.append(sum(report.requests.values()))
    assert totals[0] == totals[1] <= 30


def test_companies_come_from_a_file_where_there_are_many(tmp_path: Path) -> None:
    plain, stamp = some_people(), "2026-02-03T04:05:06Z"
    companies = [
        {"id": str(10_000 + number), "properties": {"name": f"C{number}", "numberofemployees": str(number)}, "updatedAt": stamp}
        for number in range(CONTACTS)
    ]
    contacts = [
        {**row, "properties": {**row["properties"], "associatedcompanyid": str(10_000 + place)}} for place, row in enumerate(plain.contacts)
    ]

    def story(world: World, *, bulk: bool) -> Any:
        report = world.backfill(bulk=bulk)
        return report.pulled["companies"], sent(report, "GET /crm/objects/2026-09/companies") * bulk

    api, bulk = twice(tmp_path, story, replace(plain, companies=companies, contacts=contacts))
    assert api == bulk
    assert api[0] == (CONTACTS, 0)


def test_a_few_contacts_are_read_and_written_the_usual_way(tmp_path: Path) -> None:
    plain = some_people()
    with at_work(tmp_path, replace(plain, contacts=list(plain.contacts)[:30])) as world:
        report = world.backfill(bulk=True)
    assert (report.written, report.notes, sent(report, "/exports/"), sent(report, "/imports")) == (30, [], 0, 0)


def test_a_dry_run_reads_in_bulk_and_writes_nothing(world: World) -> None:
    before = world.digest()
    report = world.backfill(bulk=True, dry_run=True)
    assert (report.plan.contacts, report.written, sent(report, "export/async") > 0, sent(report, "/imports")) == (CONTACTS, 0, True, 0)
    assert world.digest() == before


def test_who_changed_while_the_file_was_made_is_judged_as_it_is_now(world: World) -> None:
    contact = one(world, 0)
    world.edit(contact, jobtitle="CTO")

    def before(row: dict[str, str]) -> dict[str, str]:
        old = {"jobtitle": "", "lastmodifieddate": "2026-01-01T00:00:00Z"}
        return {**row, **old} if row["hs_object_id"] == str(contact) else row

    doctored(world, before)
    world.backfill(bulk=True)
    assert "✓ role" in str(world.value(contact, "lead_grade_reasons"))


def test_check_tells_whether_it_can_be_had(world: World) -> None:
    with world.worker() as worker:
        assert [(access.resource, access.granted) for access in worker.check().bulk] == [("exports", True), ("imports", True)]
        world.go_wrong("GET /crm/imports/*", status=403, body="json")
        found = worker.check()
    assert [access.granted for access in found.bulk] == [True, False]
    assert found.exit_code == ExitCode.DONE


# The plan, and the way back.


def test_a_plan_that_is_too_large_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    settings = {"requests_in_flight": 2, "judged_from_contacts": 10, "max_new_mqls_share": 0.01}
    with at_work(tmp_path, settings=settings) as world:
        before = world.digest()
        with pytest.raises(UnsafePlan, match="Nothing of it was written"):
            world.backfill(bulk=True)
        assert (world.digest(), the_import(world)) == (before, None)


def test_an_import_can_be_undone(world: World) -> None:
    before = world.digest()
    run = world.backfill(bulk=True).run_id
    assert world.digest() != before
    with world.worker() as worker:
        assert worker.undo(run).written == CONTACTS
    assert world.digest() == before


# What HubSpot refuses, or does otherwise.


def test_a_refused_row_is_listed_and_waits_until_something_else_is_desired(tmp_path: Path) -> None:
    def story(world: World, *, bulk: bool) -> Any:
        without_option(world, "lead_grade", "C")
        report = world.backfill(bulk=bulk)
        assert (report.exit_code, world.sync().written) == (ExitCode.SOME_REJECTED, 0)
        return sorted(report.rejected), report.written

    api, bulk = twice(tmp_path, story)
    assert api == bulk
    assert 0 < len(api[0][0]) < CONTACTS


def test_contacts_that_are_deleted_or_merged_meanwhile_stop_nobody(world: World) -> None:
    deleted, merged, other = (one(world, number) for number in (3, 4, 5))

    def depart(_: ImportTask) -> None:
        world.archive(deleted)
        world.merge(merged, other)

    meanwhile(world, imported(world, depart))
    report = world.backfill(bulk=True)
    assert report.rejected == []
    meanwhile(world, None)
    for _ in range(2):
        world.later()
        world.sync()
    world.later()
    assert world.sync().plan.contacts == 0


def test_rows_that_an_import_leaves_out_without_a_word_are_found_and_written(world: World, expected: str) -> None:
    def leave_out(item: ImportTask) -> None:
        item.rows_done += 5

    meanwhile(world, imported(world, leave_out))
    report = world.backfill(bulk=True)
    assert world.digest() == expected
    assert (report.written, sent(report, "batch/update")) == (CONTACTS, 1)


def test_counters_that_do_not_add_up_are_no_proof(world: World, expected: str) -> None:
    def miscount(item: ImportTask) -> None:
        item.counters["UPDATED_OBJECTS"] -= 1

    meanwhile(world, imported(world, miscount))
    report = world.backfill(bulk=True)
    assert world.digest() == expected
    assert (report.written, sent(report, "batch/update")) == (CONTACTS, 0)
    assert sent(report, "contacts/batch/read") >= CONTACTS // 100


def test_an_import_that_is_canceled_is_finished_the_usual_way(world: World, expected: str) -> None:
    def cancel(item: ImportTask) -> None:
        item.canceled_at = world.now_ms()

    meanwhile(world, imported(world, cancel))
    report = world.backfill(bulk=True)
    assert world.digest() == expected
    assert ["canceled" in note for note in report.notes] == [True]
    assert report.written == CONTACTS


def test_the_lease_is_renewed_while_hubspot_takes_its_time(tmp_path: Path) -> None:
    with at_work(tmp_path, settings={"requests_in_flight": 2, "lease_minutes": 2}) as world:

        def delay(item: ImportTask) -> None:
            item.starts_at += 10 * MINUTE

        left, once = list[int](), imported(world, delay)

        def happens() -> None:
            once()
            store = database.open_store(world.state_url)
            with store.transaction() as tx:
                holder = leases.load(tx)
            store.close()
            assert holder is not None
            left.append(holder.expires_at - world.now_ms())

        meanwhile(world, happens)
        assert world.backfill(bulk=True).written == CONTACTS
        assert len(left) > 20
        assert min(left) > 0


# Where it falls back.


@pytest.mark.parametrize(
    ("endpoint", "status", "said"),
    [(EXPORT, 403, "read"), (STATUS, 403, "read"), (EXPORT, 404, "read"), (IMPORT, 403, "written"), (IMPORT, 400, "written")],
)
def test_what_is_refused_in_bulk_goes_the_usual_way_with_a_sentence(
    world: World, expected: str, endpoint: str, status: int, said: str
) -> None:
    world.go_wrong(endpoint, status=status, body="json")
    with structlog.testing.capture_logs() as logs:
        report = world.backfill(bulk=True)
    (note,) = report.notes
    assert note.startswith(f"Contacts are {said} in the usual way, not in bulk: ")
    assert [line["event"] for line in logs].count("bulk.fell_back") == 1
    assert (report.written, report.exit_code, world.digest()) == (CONTACTS, ExitCode.DONE, expected)


def test_too_many_exports_in_a_day_are_no_reason_to_wait(world: World, expected: str) -> None:
    for _ in range(30):
        world.portal.exports.start({}, app_id="sandbox", now=world.now_ms() - 10**6)
    report = world.backfill(bulk=True)
    assert ["30 exports" in note for note in report.notes] == [True]
    assert world.digest() == expected


def test_too_many_imported_rows_in_a_day_are_no_reason_to_wait(world: World, expected: str) -> None:
    item = world.portal.imports.start({}, app_id="another", row_count=80_000_000, now=world.now_ms(), write_row=lambda _, __: None)
    item.rows_done = item.row_count
    report = world.backfill(bulk=True)
    assert ["limit of imported rows" in note for note in report.notes] == [True]
    assert world.digest() == expected


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: {**row, "email": row["email"].upper()}, "shows email otherwise than the API"),
        (lambda row: {**row, "lastmodifieddate": "2026-02-03 04:05"}, "lacks what was asked for"),
        (lambda row: None if int(row["hs_object_id"]) % 20 == 0 else row, f"of {CONTACTS}"),
        (lambda row: {name: value for name, value in row.items() if name != "associatedcompanyid"}, "associatedcompanyid otherwise"),
    ],
    ids=["values", "times", "rows", "columns"],
)
def test_a_file_that_is_not_as_the_api_is_not_believed(world: World, expected: str, change: Any, said: str) -> None:
    doctored(world, change)
    report = world.backfill(bulk=True)
    assert [said in note for note in report.notes] == [True]
    assert world.digest() == expected


# What is lost or stopped on the way.


def test_an_import_whose_answer_is_lost_is_not_made_twice(world: World, expected: str) -> None:
    world.go_wrong(IMPORT, status=502, when="after", times=1)
    report = world.backfill(bulk=True)
    assert len(world.portal.imports.list_for_app("sandbox")) == 1
    assert (report.notes, report.written, world.digest()) == ([], CONTACTS, expected)


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
def test_what_passes_is_waited_for(tmp_path: Path, expected: str, endpoint: str, fault: dict[str, Any]) -> None:
    with at_work(tmp_path) as world:
        world.go_wrong(endpoint, **{"times": 1, **fault})
        report = world.backfill(bulk=True)
        assert (report.notes, report.written, world.digest()) == ([], CONTACTS, expected)


@pytest.mark.parametrize("following", ["bulk", "api", "sync"])
@pytest.mark.parametrize("waits", [1, 2, 3])
def test_a_run_that_is_stopped_anywhere_is_cured_by_the_next(tmp_path: Path, expected: str, waits: int, following: str) -> None:
    with at_work(tmp_path) as world:
        with pytest.raises(PowerCut):
            world.backfill(bulk=True, progress=Cut(waits))
        if following == "sync":
            world.sync()
        else:
            world.backfill(bulk=following == "bulk")
        assert world.digest() == expected
        world.later()
        assert world.sync().written == 0
        assert world.digest() == expected


def test_an_export_that_a_stopped_run_had_begun_is_used_by_the_next(world: World) -> None:
    with pytest.raises(PowerCut):
        world.backfill(bulk=True, progress=Cut(1))
    assert sent(world.backfill(bulk=True), EXPORT.replace("*", "2026-09/export")) == 0


def test_nothing_old_is_written_over_something_new(world: World) -> None:
    """An import that a run was stopped in goes on at HubSpot; the next run waits for it before it writes anything newer."""
    with pytest.raises(PowerCut):
        world.backfill(bulk=True, progress=Cut(3))
    item = the_import(world)
    assert item is not None
    assert item.rows_done == 0
    clicked = one(world, 5)
    world.opt_out(clicked)
    world.backfill()
    assert item.rows_done == CONTACTS
    shown = world.contact(clicked)
    world.later(60)
    assert world.sync().written == 0
    assert world.contact(clicked)["lead_score"] == shown["lead_score"] != "5"


def test_an_import_that_takes_too_long_is_left_to_the_next_run(tmp_path: Path, expected: str) -> None:
    with at_work(tmp_path, settings={"requests_in_flight": 2, "bulk_minutes": 5}) as world:

        def delay(item: ImportTask) -> None:
            item.starts_at += 60 * 60_000

        meanwhile(world, imported(world, delay))
        with pytest.raises(Unavailable, match="not done with import 1 after 0:05:00"):
            world.backfill(bulk=True)
        with pytest.raises(Unavailable, match="not done with import 1"):
            world.sync()
        world.later(60)
        world.sync()
        assert world.digest() == expected
