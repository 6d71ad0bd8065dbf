"""The promises of docs/method.md, one test for each sentence, through the command line on a portal with eleven contacts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.small_portal import (
    ASKER,
    BEGINNER,
    CAREERS,
    COMPETITOR,
    CUSTOMER,
    ENGAGED,
    FORGOTTEN,
    OPTED_OUT,
    QUIET,
    READER,
    STUDENT,
    address,
    write_portal,
)
from tests.system.subprocesses import ROOT, SandboxProcess, Workspace, start_sandbox

OUR_PROPERTIES = ("lead_score", "lead_score_band", "lead_grade", "lead_mql_reason", "lead_score_reasons", "lifecyclestage")


@dataclass(frozen=True, kw_only=True)
class Story:
    """A portal after setup, backfill, report and approval."""

    portal: SandboxProcess
    desk: Workspace
    unapproved: int  # exit code of an approval before the report
    report: dict[str, Any]
    approval: dict[str, Any]
    _explained: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def contacts(self) -> dict[str, dict[str, str]]:
        """The contacts as sales reps see them, by id."""
        page = self.portal.get(f"/crm/v3/objects/contacts?limit=100&properties={','.join(OUR_PROPERTIES)}")
        return {row["id"]: {name: value or "" for name, value in row["properties"].items()} for row in page["results"]}

    def members(self, name: str) -> set[str]:
        list_id = self.portal.get(f"/crm/v3/lists/object-type-id/0-1/name/{name}")["list"]["listId"]
        return {row["recordId"] for row in self.portal.get(f"/crm/v3/lists/{list_id}/memberships?limit=250")["results"]}

    def explain(self, id_: str) -> dict[str, Any]:
        """The ledger of a contact, from one command for all tests: the forecast in it takes seconds."""
        if id_ not in self._explained:
            self._explained[id_] = self.run("explain", id_)
        return self._explained[id_]

    def points(self, id_: str) -> dict[str, float]:
        """The points of a contact by criterion."""
        return {line["line"]: line["points"] for line in self.explain(id_)["ledger"]}

    def run(self, *command: str) -> Any:
        result = self.desk.run(*command, "--json")
        assert result.code == 0, result.err
        return result.json


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    write_portal(folder / "portal")
    with start_sandbox(folder, "--portal", str(folder / "portal"), "--rate", "100000") as portal:
        desk = Workspace(folder=folder, environment={**portal.environment, "SYNC_WORKER_HAND_OFF_TASKS": "true"})
        assert desk.run("setup", "--draft-workflows").code == 0
        assert desk.run("backfill").code == 0
        unapproved = desk.run("approve", "--note", "unseen").code
        report = desk.run("report", "--json").json
        approval = desk.run("approve", "--note", "looks right", "--hand-off-existing", "--json").json
        yield Story(portal=portal, desk=desk, unapproved=unapproved, report=report, approval=approval)


# Set up a score.


def test_01_a_contact_request_makes_an_mql_directly_in_a_list_of_its_own(story: Story) -> None:
    assert story.members("MQL · direct") == {ASKER}
    assert int(story.contacts[ASKER]["lead_score"]) < 36


def test_02_the_mql_list_is_direct_or_by_score_and_moves_the_lifecycle_stage(story: Story) -> None:
    assert story.members("MQL") == story.members("MQL · direct") | story.members("MQL · by score") == {READER, ASKER}
    stages = {id_: contact["lifecyclestage"] for id_, contact in story.contacts.items()}
    assert {id_ for id_, stage in stages.items() if stage == "marketingqualifiedlead"} == {READER, ASKER}


def test_03_the_sales_rep_is_informed_of_a_new_mql(story: Story) -> None:
    tasks = story.portal.get("/crm/v3/objects/tasks?limit=10&properties=hs_task_subject")["results"]
    assert len(tasks) == 2


def test_04_what_a_lead_did_before_it_became_an_mql_stays_visible(story: Story) -> None:
    page = story.portal.get(f"/crm/v3/objects/contacts/{READER}?properties=lead_mql_since,lead_mql_reasons")
    assert all(page["properties"][name] for name in ("lead_mql_since", "lead_mql_reasons"))


def test_05_no_single_action_qualifies_a_contact(story: Story) -> None:
    assert story.points(BEGINNER)["email_clicks"] == 1
    assert max(story.points(READER).values()) <= 15 < story.report["threshold"]


def test_06_the_range_is_spread_over_repetitions(story: Story) -> None:
    assert story.points(READER)["email_clicks"] == 1 + 2 + 3 + 4 + 5


def test_07_clicks_views_and_awareness_conversions_are_three_sets(story: Story) -> None:
    earned = {line for line, points in story.points(READER).items() if points > 0}
    assert earned == {"email_clicks", "page_views", "conversions", "subscribed"}
    assert story.points(ASKER).get("conversions", 0) == 0  # a contact request is no conversion of the awareness stage


def test_08_the_report_shows_the_maximum_and_what_is_reachable(story: Story) -> None:
    assert (story.report["maximum"], story.report["reachable"]) == (47, 47)  # three sets of 15, and the opt-in
    assert int(story.contacts[READER]["lead_score"]) == 47


def test_09_each_segment_of_the_range_is_a_list(story: Story) -> None:
    bands = {id_: contact["lead_score_band"] for id_, contact in story.contacts.items()}
    assert (bands[BEGINNER], bands[ENGAGED], bands[READER]) == ("nurture", "engaged", "sales_ready")
    assert BEGINNER in story.members("Leads · nurture")
    assert ENGAGED in story.members("Leads · engaged")
    assert READER in story.members("Leads · sales ready")


def test_10_each_segment_has_a_use(story: Story) -> None:
    drafts = {row["name"]: row["isEnabled"] for row in story.portal.get("/automation/v4/flows")["results"]}
    lists = ("Leads · nurture", "Leads · engaged", "MQL · direct", "MQL · by score")
    assert drafts == {f"Lead scoring: {name}": False for name in lists}
    recipes = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    for name in ("Leads · nurture", "Leads · engaged", "Leads · sales ready", "MQL · direct", "MQL · by score"):
        assert f"`{name}`" in recipes


# Choose the signs.


def test_11_forms_pages_clicks_size_and_role_count(story: Story) -> None:
    explained = story.explain(READER)
    assert {"email_clicks", "page_views", "conversions"} <= {line["line"] for line in explained["ledger"] if line["points"] > 0}
    matched = {line["criterion"] for line in explained["grade_criteria"] if line["thirds"] > 0}
    assert {"decides", "company_size", "country", "industry"} <= matched


def test_12_a_marketing_opt_in_counts(story: Story) -> None:
    assert story.points(READER)["subscribed"] == 2
    assert story.points(STUDENT).get("subscribed", 0) == 0


def test_13_opt_out_competitors_students_and_careers_pages_count_against_a_contact(story: Story) -> None:
    assert story.points(CAREERS)["careers_pages"] < 0
    assert story.points(OPTED_OUT)["opted_out"] < 0
    assert story.points(BEGINNER)["unsubscribed"] < 0
    assert not {STUDENT, OPTED_OUT, COMPETITOR, CUSTOMER} & story.members("MQL")


def test_14_an_asker_s_journey_can_be_expressed(story: Story, tmp_path: Path) -> None:
    model = tmp_path / "journey.yaml"
    model.write_text(
        """
        name: journey
        score:
          bands: [{name: all, from: 0}]
          criteria:
            journey:
              when:
                all:
                  - {company.industry: {is: COMPUTER_SOFTWARE}}
                  - {company.numberofemployees: {at_least: 300}}
              points: 5
            several_pages: {event: page_view, where: {url: {matches: "*/product*"}}, tiers: {3: 5}}
            webinar: {event: webinar, points: 3}
        qualification: {threshold: 10}
        """
    )
    assert story.run("explain", READER, "--model", str(model))["score"] == 10


def test_15_points_are_free_and_have_classes_of_importance(story: Story) -> None:
    checked = story.run("model", "check", str(ROOT / "config" / "presets" / "importance.yaml"))
    assert checked["maximum"] > 100


def test_16_no_approval_without_a_report_of_minimum_maximum_and_average(story: Story) -> None:
    assert story.unapproved == 5
    assert {"min", "max", "mean", "median", "percentiles"} <= story.report.keys()
    assert {mql["email"] for mql in story.report["mql_contacts"]} == {address(READER), address(ASKER)}


# Keep it alive.


def test_17_a_review_is_due_after_60_days_then_every_90(story: Story) -> None:
    status = story.run("status")["model"]
    approved, due = (datetime.fromisoformat(status[name]) for name in ("approved_at", "review_due"))
    assert due - approved == timedelta(days=60)
    assert status["review_overdue_days"] == 0


def test_18_each_revision_is_a_column_with_the_notes_of_sales(story: Story) -> None:
    story.run("model", "note", "Person 1 bought at once")
    log = story.run("model", "log")
    (revision,) = log["revisions"]
    assert revision["note"] == "looks right"
    assert [note["text"] for note in revision["notes"]] == ["Person 1 bought at once"]
    assert {len(line["cells"]) for line in log["lines"]} == {1}


def test_19_a_score_degrades_with_inactivity(story: Story) -> None:
    assert 18 <= int(story.contacts[QUIET]["lead_score"]) < 45


def test_20_the_floor_is_half_of_the_sales_ready_score(story: Story) -> None:
    assert int(story.contacts[FORGOTTEN]["lead_score"]) == 18
    assert FORGOTTEN not in story.members("MQL")


def test_21_the_ratio_of_mqls_that_became_opportunities_is_shown(story: Story) -> None:
    found = story.run("outcomes")
    assert (found["mqls"], found["opportunities"]["count"]) == (2, 0)
    assert found["opportunities"]["high"] > 0.5  # two MQLs say nothing yet
    assert [alarm["kind"] for alarm in found["alarms"]] == ["too_little_data"]
    assert {group["value"]: group["mqls"] for group in found["by"]["qualified"]} == {"direct": 1, "by score": 1}


def test_22_sellers_are_asked_about_their_leads_and_about_the_actions(story: Story) -> None:
    created = {step["name"] for step in story.run("setup", "--feedback")["steps"]}
    assert created == {"lead_feedback", "lead_feedback_note"}
    story.portal.edit(READER, lead_feedback="good_lead")
    story.portal.edit(ASKER, lead_feedback="too_early", lead_feedback_note="#page_views count too much")
    story.run("sync")
    (revision,) = story.run("model", "log")["revisions"]
    assert revision["feedback"] == {"good_lead": 1, "too_early": 1}
    assert revision["criteria_in_notes"] == {"page_views": {"too_early": 1}}
    by = story.run("outcomes")["by"]
    assert {group["value"]: group["feedback"] for group in by["qualified"]} == {"direct": {"too_early": 1}, "by score": {"good_lead": 1}}
    assert {"good_lead": 1} in [group["feedback"] for group in by["criterion"]]


# Score and grade.


def test_23_the_score_measures_behavior(story: Story, tmp_path: Path) -> None:
    model = tmp_path / "behavior.yaml"
    model.write_text(
        """
        name: behavior
        signals: {downloads: {urls: ["*/paper*"]}, search_terms: {parameters: [q]}, campaign_touches: {parameters: [utm_campaign]}}
        score:
          bands: [{name: all, from: 0}]
          criteria:
            clicks: {event: email_click, points: 1}
            views: {event: page_view, points: 1}
            forms: {event: form_submission, points: 1}
            downloads: {event: download, points: 1}
            searches: {event: search_term, points: 1}
            campaigns: {event: campaign_touch, points: 1}
        qualification: {threshold: 3}
        """
    )
    assert story.run("explain", READER, "--model", str(model))["score"] == 3


def test_24_the_grade_measures_fit(story: Story) -> None:
    lines = {line["criterion"] for line in story.explain(READER)["grade_criteria"]}
    assert {"decides", "company_size", "country", "revenue", "software", "industry"} <= lines
    assert story.contacts[READER]["lead_grade"][0] in "AB"


def test_25_score_and_grade_are_separate_fields(story: Story) -> None:
    reader, student = story.contacts[READER], story.contacts[STUDENT]
    assert int(reader["lead_score"]) - int(student["lead_score"]) == 2  # the opt-in
    assert reader["lead_grade"] != student["lead_grade"]


def test_26_a_missing_job_title_keeps_the_very_active_student_from_sales(story: Story) -> None:
    assert int(story.contacts[STUDENT]["lead_score"]) == 45
    assert story.contacts[STUDENT]["lead_grade"][0] in "DEF"
    assert story.contacts[STUDENT]["lead_mql_reason"] == ""
