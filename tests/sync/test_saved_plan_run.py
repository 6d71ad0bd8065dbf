"""A saved plan is carried out exactly, or refused if anything that it rests on has changed; test_interrupted_apply.py is about its rest."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from sync_worker.errors import ConfigurationError, ExitCode, StalePlan, UnsafePlan
from sync_worker.store.database import open_store
from sync_worker.store.writes import rejections
from sync_worker.store.writes.rejections import Rejection
from sync_worker.sync.plan.plan_file import build_plan_schema
from sync_worker.sync.run_report import RunReport
from tests.harness import MODEL, MQL, Harness, make_contact, small_portal, start_harness
from tests.system.subprocesses import ROOT

OTHER_MODEL = MODEL.replace("points: 10}", "points: 12}")
RANDOM = random.Random(7)  # noqa: S311 -- the same edits in each run
QUOTA_MODEL = MODEL.replace("  direct:", "  new_per_day: 1\n  direct:")


def save_plan(harness: Harness, *, names: bool = True) -> Path:
    path = harness.folder / "plan.json"
    with harness.worker() as worker:
        worker.plan(out=path, names=names)
    return path


def apply(harness: Harness, path: Path, **options: Any) -> RunReport:
    with harness.worker() as worker:
        return worker.apply(path, **options)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def shared_harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """Return the small portal in normal operation; each test prepares it."""
    with start_harness(tmp_path_factory.mktemp("portal")) as harness:
        harness.backfill()
        harness.approve()
        harness.advance()
        yield harness


def edit_state(harness: Harness, statement: str) -> None:
    store = open_store(harness.state_url)
    with store.transaction() as tx:
        tx.exec_driver_sql(statement)
    store.close()


def prepare(harness: Harness) -> Path:
    """Give the contacts 1, 4 and 6 changes, and save the plan."""
    harness.use_model(MODEL)
    edit_state(harness, "UPDATE model_revisions SET kind = 'approval' WHERE kind = 'withdrawal'")
    edit_state(harness, "DELETE FROM rejections")
    for number in (1, 4, 6):
        harness.edit_contact(number, lead_score=str(RANDOM.randrange(100, 10**6)))
    return save_plan(harness)


def test_a_plan_of_a_new_portal_is_applied_exactly_and_within_the_limits(harness: Harness) -> None:
    harness.settings = {"max_new_mqls": 2}
    path = save_plan(harness)
    before = harness.digest()
    with pytest.raises(UnsafePlan, match="make 3 new MQLs, and max_new_mqls is 2"):
        apply(harness, path)
    assert (harness.digest(), harness.contacts_written()) == (before, set())
    report = apply(harness, path, allow_large=True)
    assert (report.written, report.exit_code) == (6, ExitCode.DONE)
    changes = {contact["id"]: contact["changes"] for contact in read(path)["plan"]["contacts"]}
    for id_, values in changes.items():
        assert {name: harness.value(int(id_), name) or "" for name in values} == {name: value["to"] for name, value in values.items()}
    harness.advance()
    assert harness.sync().written == 0


def test_lists_and_stages_are_applied_once_and_the_rest_waits_for_the_next_sync(live_harness: Harness) -> None:
    live_harness.submit_form("p3@example.com", "demo")
    live_harness.submit_form("p1@example.com")
    path = save_plan(live_harness)
    live_harness.add_click("y", "p2@example.com")
    assert apply(live_harness, path, dry_run=True).plan.lists["MQL"] == {"add": 1, "remove": 0}
    report = apply(live_harness, path)
    assert (report.stages, report.lists["MQL"]["added"]) == (1, 1)
    assert (live_harness.value(3, "lifecyclestage"), 3 in live_harness.members("MQL")) == (MQL, True)
    assert live_harness.score(2) == 10
    live_harness.advance()
    assert (live_harness.sync().written, live_harness.score(2)) == (1, 15)
    nothing = apply(live_harness, save_plan(live_harness))
    assert (nothing.written, nothing.exit_code) == (0, ExitCode.DONE)


def ask_for_demo(harness: Harness, email: str) -> int:
    number = harness.create_contact(email=email)
    harness.submit_form(email, "demo")
    return number


def mql_since(harness: Harness, number: int) -> datetime:
    return datetime.fromisoformat(harness.value(number, "lead_mql_since") or "")


def test_a_contact_becomes_an_mql_when_the_plan_is_applied_and_one_outside_the_plan_in_the_next_run(shared_harness: Harness) -> None:
    inside = ask_for_demo(shared_harness, "inside@example.org")
    refused = prepare(shared_harness)
    shared_harness.edit_contact(1, lead_score="77")
    with pytest.raises(StalePlan):
        apply(shared_harness, refused)
    shared_harness.advance()
    path = save_plan(shared_harness)
    outside = ask_for_demo(shared_harness, "outside@example.org")
    shared_harness.advance()
    apply(shared_harness, path)
    applied = shared_harness.clock()
    shared_harness.advance()
    shared_harness.sync()
    assert (mql_since(shared_harness, inside), mql_since(shared_harness, outside)) == (applied, shared_harness.clock())


def test_a_dry_run_checks_the_plan_and_writes_nothing(shared_harness: Harness) -> None:
    shared_harness.edit_contact(4, lead_score_reasons="call Ann")
    path = prepare(shared_harness)
    before = shared_harness.digest()
    report = apply(shared_harness, path, dry_run=True)
    assert (shared_harness.digest(), report.plan.contacts) == (before, 3)
    shared_harness.edit_contact(4, lead_score="77", lead_score_reasons="call Bob")  # the log has the message, so it has no text of users
    with pytest.raises(StalePlan, match=r"contact 4: lead_score shows “77” instead of “\d+”, lead_score_reasons shows another text\."):
        apply(shared_harness, path, dry_run=True)


def test_an_applied_plan_is_a_run_that_can_be_undone(shared_harness: Harness) -> None:
    path, edited = prepare(shared_harness), shared_harness.score(1)
    shared_harness.advance()
    run = apply(shared_harness, path).run_id
    assert shared_harness.score(1) < 100 < edited
    with shared_harness.worker() as worker:
        assert (worker.status().runs[0].command, worker.status().runs[0].written) == ("apply", 3)
        worker.undo(run)
    assert shared_harness.score(1) == edited
    with pytest.raises(StalePlan, match="contact 1: lead_score does not change any longer"):  # who undoes it has decided against it
        apply(shared_harness, path)


def test_a_plan_of_yesterday_holds_as_long_as_no_score_has_changed_with_time(shared_harness: Harness) -> None:
    path = prepare(shared_harness)
    shared_harness.advance(24 * 60)
    assert apply(shared_harness, path).written == 3


# What has changed since.


def reject_values(harness: Harness, number: int) -> None:
    """Record that another run sent the values and HubSpot rejected them."""
    store = open_store(harness.state_url)
    with store.transaction() as tx:
        desired = tx.exec_driver_sql(f"SELECT desired FROM verdicts WHERE contact_id = {number}").scalar_one()  # noqa: S608
        rejections.save(tx, [Rejection(number, "properties", desired, "locked", max_tries=1)], at=harness.now_ms())
    store.close()


def move_member(harness: Harness, number: int) -> None:
    found = harness.portal.lists.find_by_name("Leads · hot", "0-1")
    assert found is not None
    is_member = number in found.member_ids()
    body = {"recordIdsToAdd": [] if is_member else [str(number)], "recordIdsToRemove": [str(number)] if is_member else []}
    url = f"{harness.server.base_url}/crm/v3/lists/{found.id}/memberships/add-and-remove"
    httpx.put(url, json=body, headers={"Authorization": f"Bearer {harness.server.token}"}).raise_for_status()


def edit_company(harness: Harness, number: int) -> None:
    company = int(harness.contact(number)["associatedcompanyid"])
    harness.set_hubspot_values(company, kind="companies", numberofemployees=str(RANDOM.randrange(60, 10**6)))


def move_company(harness: Harness, number: int) -> None:
    other = 15 - int(harness.contact(number)["associatedcompanyid"])
    harness.set_hubspot_values(number, associatedcompanyid=str(other))


Edit = Callable[[Harness, int], object]
#: Edits of a contact of the plan: by a user, by HubSpot, by the contact, by another run, by an operator.
EDITS: Mapping[str, Edit] = {
    "score": lambda harness, number: harness.edit_contact(number, lead_score=str(RANDOM.randrange(100, 10**6))),
    "grade": lambda harness, number: harness.edit_contact(number, lead_grade="F" if harness.value(number, "lead_grade") == "A+" else "A+"),
    "reasons": lambda harness, number: harness.edit_contact(number, lead_score_reasons=f"call back, {RANDOM.random()}"),
    "job title": lambda harness, number: harness.edit_contact(number, jobtitle=f"CTO {RANDOM.random()}"),
    "click": lambda harness, number: harness.add_click(RANDOM.random(), harness.contact(number)["email"]),
    "page view": lambda harness, number: harness.add_page_view(RANDOM.random(), number),
    "form": lambda harness, number: harness.submit_form(harness.contact(number)["email"], RANDOM.choice(["news", "demo"])),
    "email": lambda harness, number: harness.edit_contact(number, email=f"p{number}@{RANDOM.random()}.example.com"),
    "company": edit_company,
    "association": move_company,
    "list": move_member,
    "facts in the state": lambda harness, number: edit_state(
        harness,
        f"INSERT INTO events (kind, id, at, contact_id, filtered) VALUES ('page_view', '{RANDOM.random()}', 1, {number}, FALSE)",  # noqa: S608 -- constants
    ),
    "model": lambda harness, _: harness.use_model(OTHER_MODEL),
    "withdrawal": lambda harness, _: edit_state(harness, "UPDATE model_revisions SET kind = 'withdrawal' WHERE kind = 'approval'"),
}
GENERAL_EDITS = ["model", "withdrawal"]  # of no contact
EARLIER_EDITS = ["grade", "job title", "click", "page view", "form", "email", "company", "association", "list"]
IRRELEVANT_EDITS: Mapping[str, Edit] = {
    "unrelated property": lambda harness, number: harness.edit_contact(number, phone=str(RANDOM.random())),
    "counter": lambda harness, number: harness.set_hubspot_values(number, hs_email_click=str(RANDOM.randrange(10**6))),
    "property of another contact": lambda harness, _: harness.edit_contact(3, jobtitle=str(RANDOM.random())),
    "event of another contact": lambda harness, _: harness.add_click(RANDOM.random(), "p2@example.com"),
    "new contact": lambda harness, _: harness.create_contact(email=f"{RANDOM.random()}@example.org"),
    "rejection": reject_values,
    "second plan": lambda harness, _: harness.sync(dry_run=True),
    "dry run of a backfill": lambda harness, _: harness.backfill(dry_run=True),
    "time": lambda harness, _: harness.advance(RANDOM.randrange(1, 60)),
}


def find_refusal(harness: Harness, path: Path) -> str:
    try:
        return f"written: {apply(harness, path).written}"
    except StalePlan as error:
        return str(error)


def check_refusal(harness: Harness, edits: Mapping[int, str]) -> None:
    """Check that a plan is refused after these edits, one for each contact, and that each contact is named."""
    path = prepare(harness)
    harness.advance(0.1)  # two submissions of one moment would be the same event
    for number, edit in edits.items():
        EDITS[edit](harness, number)
    before = harness.digest()
    refusal = find_refusal(harness, path)
    assert "This try wrote nothing" in refusal, edits
    assert edits.keys() <= {*map(int, re.findall(r"contact (\d+)", refusal))} or edits.keys() == {0}, (edits, refusal)
    assert harness.digest() == before, edits


def check_acceptance(harness: Harness, *, earlier: Sequence[str] = (), later: Sequence[str] = ()) -> None:
    """Check that a plan holds that is made after relevant changes, even if search does not show them, and before irrelevant ones."""
    harness.sync()
    for edit in earlier:
        EDITS[edit](harness, RANDOM.choice([1, 6]))
    path = prepare(harness)
    for edit in later:
        IRRELEVANT_EDITS[edit](harness, RANDOM.choice([1, 6]))
    assert apply(harness, path).written == 3, (earlier, later)


def test_a_plan_is_refused_whole_after_a_relevant_change(shared_harness: Harness) -> None:
    check_refusal(shared_harness, {1: "list", 6: "score"})
    check_refusal(shared_harness, {1: "form", 4: "click", 6: "company"})
    check_refusal(shared_harness, {0: "withdrawal"})


def test_a_plan_holds_after_other_changes_and_after_relevant_ones_that_came_first(shared_harness: Harness) -> None:
    check_acceptance(
        shared_harness,
        earlier=["click", "page view", "form", "list"],
        later=["unrelated property", "counter", "rejection", "second plan", "time"],
    )


@pytest.mark.soak
def test_a_hundred_random_changes_are_refused_if_they_are_relevant(live_harness: Harness) -> None:
    for edit in RANDOM.choices([*EDITS], k=100):
        live_harness.sync()  # otherwise, a second edit of a list may be what the plan changes
        check_refusal(live_harness, {0 if edit in GENERAL_EDITS else RANDOM.choice([1, 6]): edit})
    for edit in RANDOM.choices([*IRRELEVANT_EDITS], k=100):
        check_acceptance(live_harness, later=[edit])
    for edit in RANDOM.choices(EARLIER_EDITS, k=100):
        check_acceptance(live_harness, earlier=[edit])


def test_a_plan_is_refused_if_the_daily_quota_admits_others(tmp_path: Path) -> None:
    contacts = [make_contact(number) for number in range(1, 4)]
    data = small_portal(contacts=contacts, companies=[], submissions=[], email_events=[], events=[])
    with start_harness(tmp_path, data, model=QUOTA_MODEL) as harness:
        harness.backfill()
        harness.approve()
        harness.advance()
        harness.submit_form("p1@example.com", "demo")
        path = save_plan(harness)
        harness.submit_form("p3@example.com", "demo")
        harness.add_click("x", "p3@example.com")
        with pytest.raises(StalePlan, match=r"contact 1: .*lead_mql_reason does not change any longer"):
            apply(harness, path)
        assert harness.members("MQL") == []


# The file.


def test_the_file_is_private_valid_by_its_schema_and_without_names_on_request(shared_harness: Harness) -> None:
    shared_harness.edit_contact(1, lead_score_reasons="call Ann of Acme")
    path = prepare(shared_harness)
    assert path.stat().st_mode & 0o777 == 0o600
    jsonschema.validate(read(path), json.loads((ROOT / "docs/plan.schema.json").read_text(encoding="utf-8")))
    assert all(text in path.read_text(encoding="utf-8") for text in ("p1@example.com", "call Ann of Acme"))
    anonymous = save_plan(shared_harness, names=False)
    assert not any(text in anonymous.read_text(encoding="utf-8") for text in ("@", "Ann", "Acme"))
    assert apply(shared_harness, anonymous, dry_run=True).plan.contacts == 3


def test_the_published_schema_is_that_of_the_program() -> None:
    assert json.loads((ROOT / "docs/plan.schema.json").read_text(encoding="utf-8")) == build_plan_schema()


def change(path: Path, edit: Callable[[Any], object]) -> None:
    content = read(path)
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


BAD_FILES: Mapping[str, Callable[[Path], object]] = {
    "was edited": lambda path: change(path, lambda file: file["plan"]["contacts"][0]["changes"]["lead_score"].update(to="99")),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "is not complete JSON": lambda path: path.write_text("", encoding="utf-8"),
    "has version 2 of the format; this program reads version 1": lambda path: change(path, lambda file: file.update(version=2)),
    "is not a plan of sync-worker": lambda path: path.write_text('{"format": "other", "version": 1}', encoding="utf-8"),
    "missing required field": lambda path: change(path, lambda file: file["plan"].pop("portal")),
    "is not complete JSON; it may be": lambda path: path.write_text('{"other": ' + 100_000 * "[", encoding="utf-8"),
    "cannot be read": lambda path: path.unlink(),
}


def test_a_file_that_cannot_be_used_is_refused_with_its_reason(shared_harness: Harness) -> None:
    path = prepare(shared_harness)
    content, before = path.read_bytes(), shared_harness.digest()
    for reason, damage in BAD_FILES.items():
        path.write_bytes(content)
        damage(path)
        with pytest.raises(ConfigurationError, match=reason) as refused:
            apply(shared_harness, path)
        assert refused.value.exit_code == ExitCode.USAGE
    assert shared_harness.digest() == before
    path.write_text(json.dumps(json.loads(content), indent=8), encoding="utf-8")  # a formatter changes nothing
    assert apply(shared_harness, path, dry_run=True).plan.contacts == 3


def test_a_plan_of_another_portal_or_state_is_refused(shared_harness: Harness, tmp_path: Path) -> None:
    path = prepare(shared_harness)
    (folder := tmp_path / "other").mkdir()
    with start_harness(folder, small_portal(portal_id=43)) as other:
        with pytest.raises(ConfigurationError, match="The plan is of portal 42, and the token opens portal 43"):
            apply(other, path)
        assert other.contacts_written() == set()
    (folder := tmp_path / "same").mkdir()
    with start_harness(folder) as other, pytest.raises(StalePlan, match="another state was used"):
        apply(other, path)


def test_a_file_that_cannot_be_written_is_found_before_the_read(shared_harness: Harness) -> None:
    with shared_harness.worker() as worker, pytest.raises(ConfigurationError, match=r"--out: .*missing/plan\.json cannot be written"):
        worker.plan(out=shared_harness.folder / "missing" / "plan.json")
