"""Evaluation of a portal folder: the same verdicts as a first backfill, and no knowledge of a later time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sync_worker.cli.portal_folder import evaluate_folder
from sync_worker.sandbox import folder
from sync_worker.sandbox.base.portal_data import PortalData, Row
from sync_worker.sandbox.base.timestamps import format_iso
from tests.harness import (
    DAY,
    NOW,
    NOW_MS,
    make_click,
    make_contact,
    make_page_view,
    make_participation,
    make_submission,
    make_webinar,
    small_portal,
    start_harness,
)

EXAMPLES = settings().max_examples // 4  # each example needs a server and a backfill
CREATED = "2026-01-02T03:04:05Z"
ADDRESSES = [*(f"p{number}@example.com" for number in range(1, 6)), "old@example.com", "unknown@example.com", ""]
event_times = st.integers(-2 * DAY, 120 * DAY).map(lambda back: NOW_MS - back)


def make_history(name: str, value: str | None, at: int, number: int = 1) -> Row:
    return {"objectType": "contacts", "id": str(number), "name": name, "value": value, "timestamp": format_iso(at)}


MODEL = """
name: Any folder
score:
  criteria:
    clicks: {event: email_click, tiers: {1: 2, 3: 4}}
    views: {event: page_view, each: 2, at_most: 20}
    forms: {event: form_submission, each: 5, at_most: 15}
    named: {event: form_submission, where: {form: {matches: "*demo*"}}, points: 3}
    logins: {event: "custom:pe42_login", each: 3, at_most: 9}
    starts: {event: custom:start, each: 4, at_most: 8}
    webinars: {event: webinar, points: 5}
    big: {when: {company.numberofemployees: {at_least: 50}}, points: 4}
    old: {when: {createdate: {older_than: 100 days}}, points: -1}
    rival: {when: {email: {domain_in: rivals}}, points: -7}
    news: {when: {subscribed_to: News}, points: 2}
    tired: {when: {hs_email_sends_since_last_engagement: {at_least: 2}}, points: -2}
  bands: [{name: cold, from: 0}, {name: warm, from: 10}, {name: hot, from: 20}]
domains: {rivals: {add: [rival.example]}}
grade:
  criteria:
    size: {when: {company.numberofemployees: {at_least: 50}}, thirds: 3, otherwise: -3}
    role: {when: {jobtitle: {contains_any: [cto]}}, thirds: 3}
qualification:
  threshold: 12
  direct: {demo: {label: asked for a demo, event: form_submission, where: {form: {is: Demo}}, valid_for: 60 days}}
  disqualifiers: {customer: {when: {lifecyclestage: customer}}}
"""


# The title of the contact is empty now, and its history lacks that it was cleared.
CLEARED_TITLE = small_portal(
    contacts=[make_contact(1)],
    companies=[],
    events=[{**make_page_view(kind, 404), "eventType": kind} for kind in ("pe42_login", "pe42_start")],
    property_history=[make_history("jobtitle", "CTO", NOW_MS - DAY)],
)


@st.composite
def portals(draw: st.DrawFn) -> PortalData:
    """Draw a portal whose rows contradict each other."""

    def draw_list(row: st.SearchStrategy[Row], size: int) -> list[Row]:
        return [
            {**each, **({"id": f"{each['id']}-{place}"} if "id" in each else {})}
            for place, each in enumerate(draw(st.lists(row, max_size=size)))
        ]

    titles = st.sampled_from([None, "CTO", "Student"])

    def contact(number: int) -> Row:
        properties = {
            "hs_additional_emails": draw(st.sampled_from([None, None, "me@rival.example;x@example.com", "old@example.com"])),
            "associatedcompanyid": draw(st.sampled_from([None, "7", "8", "404"])),
            "hs_merged_object_ids": draw(st.sampled_from([None, None, f"{90 + number}", f"{90 + number};{80 + number}"])),
            "jobtitle": draw(titles),
            "lifecyclestage": draw(st.sampled_from([None, "lead", "customer"])),
        }
        row = make_contact(number, **{name: value for name, value in properties.items() if value})
        created = draw(st.sampled_from([CREATED, CREATED, CREATED, format_iso(NOW_MS + DAY)]))
        return {**row, "createdAt": created, "archived": draw(st.integers(0, 5)) == 0}

    owners = st.sampled_from([*range(1, 6), *range(81, 86), *range(91, 96), 404])
    addresses = st.sampled_from(ADDRESSES)
    successor = st.one_of(st.none(), st.sampled_from([-DAY, DAY]).map(lambda after: {"id": "new", "created": NOW_MS + after}))
    click = st.builds(
        lambda kind, address, at, **fields: {**make_click(at, address, at), "type": kind, **fields},
        st.sampled_from(["CLICK", "click", "OPEN", "SENT"]),
        addresses.filter(bool).map(str.upper),
        event_times,
        obsoletedBy=successor,
        filteredEvent=st.booleans(),
        emailCampaignId=st.integers(1, 3),
    )
    occurrence = st.builds(
        lambda kind, owner, at: {**make_page_view(at, owner, at), "eventType": kind},
        st.sampled_from(["e_visited_page", "e_visited_page", "e_submitted_form", "pe42_login", "pe42_start"]),
        owners,
        event_times,
    )
    submission = st.builds(
        lambda address, form, at: {"formId": form, "submittedAt": at, "values": [{"name": "email", "value": address}]},
        addresses,
        st.sampled_from(["news", "demo", "unlisted-demo"]),
        event_times,
    )
    participation = st.builds(
        lambda owner, at, state: make_participation(501, owner, state, at), owners, event_times, st.sampled_from(["ATTENDED", "NO_SHOW"])
    )
    return small_portal(
        tier=draw(st.sampled_from(["enterprise", "professional"])),
        contacts=[contact(number) for number in draw(st.permutations(range(1, 6)))],
        companies=[
            {
                "id": str(number),
                "properties": {"numberofemployees": "500"},
                "createdAt": CREATED,
                "updatedAt": CREATED,
                "archived": archived,
            }
            for number, archived in ((7, draw(st.booleans())), (8, False))
        ],
        email_events=draw_list(click, 10),
        # The portal must know the custom events of the model, or a backfill refuses it.
        events=[*draw_list(occurrence, 14), *({**make_page_view(kind, 404), "eventType": kind} for kind in ("pe42_login", "pe42_start"))],
        submissions=draw_list(submission, 5),
        marketing_events=[make_webinar(501)],
        participations=draw_list(participation, 3),
        property_history=[
            make_history("jobtitle", value, NOW_MS + after, number)
            for number, value, after in draw(st.lists(st.tuples(st.integers(1, 5), titles, st.sampled_from([-DAY, 0, DAY])), max_size=3))
        ],
    )


@settings(max_examples=EXAMPLES)
@example(portal=CLEARED_TITLE, quota=None)
@given(portal=portals(), quota=st.sampled_from([None, None, 1, 2]))
def test_a_portal_folder_has_the_verdicts_that_a_first_backfill_writes(portal: PortalData, quota: int | None) -> None:
    model = MODEL if quota is None else f"{MODEL}  new_per_day: {quota}\n"
    with TemporaryDirectory() as directory:
        path, model_file = Path(directory), Path(directory, "offline.yaml")
        folder.write(portal, path / "portal")
        model_file.write_text(model, encoding="utf-8")
        offline = {
            verdict["id"]: _shown_offline(verdict)
            for verdict in evaluate_folder(path / "portal", at=None, model_file=model_file)["verdicts"]
        }
        served = folder.read(path / "portal")
        with start_harness(path, folder.take_snapshot(served, served.now), model=model) as harness:
            harness.backfill()
            online = {str(number): _shown_online(harness.contact(number)) for number in range(1, 6) if harness.contact(number)}
    assert offline == online


def _shown_offline(verdict: dict[str, Any]) -> list[str]:
    values = (verdict["score"], verdict["band"], verdict["grade"], verdict["trend"], verdict["reason"] or "")
    return [*map(str, values), *("\n".join(verdict[name]) for name in ("score_reasons", "grade_reasons"))]


def _shown_online(properties: dict[str, str]) -> list[str]:
    names = ("score", "score_band", "grade", "score_trend", "mql_reason", "score_reasons", "grade_reasons")
    shown = [properties.get(f"lead_{name}") or "" for name in names]
    return [value.partition("\n")[2] if name == "score_reasons" else value for name, value in zip(names, shown, strict=True)]


EARLIER = NOW - timedelta(days=30)
EARLIER_MS = NOW_MS - 30 * DAY


@pytest.fixture
def evaluate(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that evaluates a portal with one contact as of 30 days before its `now`."""

    def evaluate_earlier(**rows: Any) -> dict[str, Any]:
        contacts = rows.pop("contacts", [make_contact(1)])
        nothing: dict[str, Any] = {kind: [] for kind in ("companies", "email_events", "events", "submissions")}
        folder.write(small_portal(**{**nothing, "contacts": contacts, **rows}), tmp_path / "portal")
        (tmp_path / "model.yaml").write_text(MODEL, encoding="utf-8")
        return evaluate_folder(tmp_path / "portal", at=EARLIER, model_file=tmp_path / "model.yaml")

    return evaluate_earlier


def points(evaluation: dict[str, Any], line: str) -> float:
    (verdict,) = evaluation["verdicts"]
    return next(each["points"] for each in verdict["ledger"] if each["line"] == line)


def test_counters_of_an_earlier_time_count_the_events_until_then(evaluate: Callable[..., dict[str, Any]]) -> None:
    views = [make_page_view(name, 1, at) for name, at in (("before", EARLIER_MS - DAY), ("after", EARLIER_MS + DAY))]
    assert points(evaluate(tier="professional", events=views), "views") == 2


def test_a_click_counts_until_the_time_of_the_event_that_replaces_it(evaluate: Callable[..., dict[str, Any]]) -> None:
    replaced = [
        make_click(name, "p1@example.com", EARLIER_MS - DAY, obsoletedBy={"id": "new", "created": at})
        for name, at in (("replaced before", EARLIER_MS - 1), ("replaced after", EARLIER_MS + 1))
    ]
    assert points(evaluate(email_events=replaced), "clicks") == 2


def test_a_property_has_its_value_of_an_earlier_time_and_one_without_history_is_named(evaluate: Callable[..., dict[str, Any]]) -> None:
    customer = make_contact(1, lifecyclestage="customer", jobtitle="CTO")
    stages = [make_history("lifecyclestage", stage, at) for stage, at in (("lead", EARLIER_MS - DAY), ("customer", EARLIER_MS + DAY))]
    evaluation = evaluate(contacts=[customer], property_history=stages)
    (verdict,) = evaluation["verdicts"]
    assert verdict["disqualified_by"] is None
    assert evaluation["frozen"] == ["email", "jobtitle"]


@pytest.mark.parametrize("vids", [f"900:{10**30}", "900:soon", f"{'9' * 5_000}:1"])
def test_odd_times_and_ids_of_merges_are_no_error(evaluate: Callable[..., dict[str, Any]], vids: str) -> None:
    merged = make_contact(1, hs_merged_object_ids=f"900;{'9' * 5_000}", hs_calculated_merged_vids=vids)
    assert points(evaluate(contacts=[merged], events=[make_page_view("old", 900, EARLIER_MS - DAY)]), "views") == 2


def test_only_the_subscriptions_of_the_primary_address_count(evaluate: Callable[..., dict[str, Any]]) -> None:
    contact = make_contact(1, hs_additional_emails="old@example.com")
    statuses = {
        email: [{"email": email, "subscription": "News", "status": "SUBSCRIBED", "timestamp": format_iso(EARLIER_MS - DAY)}]
        for email in ("p1@example.com", "old@example.com")
    }
    found = {email: points(evaluate(contacts=[contact], subscriptions=rows), "news") for email, rows in statuses.items()}
    assert found == {"p1@example.com": 2, "old@example.com": 0}


def test_contacts_and_companies_that_did_not_exist_yet_are_unknown(evaluate: Callable[..., dict[str, Any]]) -> None:
    late = {"createdAt": format_iso(EARLIER_MS + DAY)}
    company = {"id": "7", "properties": {"numberofemployees": "500"}, "updatedAt": "2026-02-03T04:05:06Z", **late}
    contacts = [make_contact(1, associatedcompanyid="7"), {**make_contact(2), **late}]
    assert points(evaluate(contacts=contacts, companies=[company]), "big") == 0


def test_an_archived_contact_exists_until_it_was_archived(evaluate: Callable[..., dict[str, Any]]) -> None:
    archived = [
        {**make_contact(number), "archived": True, "archivedAt": format_iso(EARLIER_MS + sign * DAY)} for number, sign in ((1, 1), (2, -1))
    ]
    assert [verdict["id"] for verdict in evaluate(contacts=archived)["verdicts"]] == ["1"]


def test_a_deal_that_closes_later_is_open() -> None:
    closed = {"createdate": format_iso(EARLIER_MS), "closedate": format_iso(NOW_MS), "dealstage": "closedwon", "amount": "7"}
    data = small_portal(deals=[{"id": "1", "properties": closed, "contactIds": ["1"]}])
    (deal,) = folder.take_snapshot(data, EARLIER).deals
    assert deal["properties"].keys() == {"createdate", "closedate", "amount"}


def test_submissions_of_a_form_that_hubspot_does_not_show_do_not_count(evaluate: Callable[..., dict[str, Any]]) -> None:
    submissions = [make_submission("p1@example.com", form, EARLIER_MS - DAY) for form in ("news", "blog")]
    forms = [{"id": "news", "name": "Newsletter"}, {"id": "blog", "name": "Comment", "formType": "blog_comment"}]
    assert points(evaluate(forms=forms, submissions=submissions), "forms") == 5
