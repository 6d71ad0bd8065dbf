from __future__ import annotations

import asyncio
import html
import re
from datetime import UTC
from functools import partial
from pathlib import Path

import pytest

from sync_worker.sandbox import web
from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.web import contact_list
from sync_worker.sandbox.web.formatting import ValueFormatter
from tests.sandbox.portal_factories import (
    CONTACTS,
    DAY_MS,
    NOW_MS,
    PortalClient,
    make_click,
    make_contact,
    make_contacts,
    make_portal,
    start_portal,
)

GROUP = {"name": "lead_scoring", "label": "Lead scoring"}
BANDS = [
    {"value": value, "label": value.title(), "displayOrder": at, "hidden": False} for at, value in enumerate(("nurture", "engaged", "mql"))
]


def property_body(name: str, label: str, kind: str = "string", field_type: str = "text", **more: object) -> dict[str, object]:
    about = {"label": label, "description": f"About the {label.lower()}.", "groupName": "lead_scoring"}
    return {"name": name, "type": kind, "fieldType": field_type, **about, **more}


SCORE_PROPERTIES = (
    property_body("lead_score", "Lead score", "number", "number"),
    property_body("lead_score_band", "Lead score band", "enumeration", "select", options=BANDS),
    property_body("lead_score_reasons", "Lead score reasons", field_type="textarea"),
)


def add_scores(served: PortalClient, **scores: str) -> PortalClient:
    """Create the score properties and write scores to contacts, such as _7="31"."""
    replies = [served.post("/crm/v3/properties/contacts/groups", GROUP)]
    replies += [served.post("/crm/v3/properties/contacts", definition) for definition in SCORE_PROPERTIES]
    replies += [served.patch(f"{CONTACTS}/{number[1:]}", {"properties": {"lead_score": score}}) for number, score in scores.items()]
    assert [reply.text for reply in replies if reply.is_error] == []
    return served


def get_page(served: PortalClient, path: str) -> str:
    reply = served.http.get(path)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    return reply.text


def visible_text(markup: str) -> str:
    """Return the visible text of a page."""
    body = re.sub(r"<style>.*?</style>", " ", markup, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def contact_ids_on_page(markup: str) -> list[str]:
    return re.findall(r'href="/contacts/(\d+)"', markup)


def make_page_view(contact: int, ms_ago: int, title: str) -> Row:
    when = NOW_MS - ms_ago
    properties = {"hs_url": "https://www.example.com/pricing?x=1", "hs_title": title}
    return {"id": f"v{when}", "eventType": "e_visited_page", "objectId": str(contact), "occurredAt": str(when), "properties": properties}


def test_contacts_are_sorted_by_score_and_unscored_ones_are_last() -> None:
    served = add_scores(start_portal(make_portal(make_contacts(4))), _2="7", _3="31", _4="-5")
    assert contact_ids_on_page(get_page(served, "/")) == ["3", "2", "4", "1"]


def test_contacts_are_shown_without_scores() -> None:
    shown = get_page(start_portal(make_portal(make_contacts(3))), "/")
    assert contact_ids_on_page(shown) == ["1", "2", "3"]
    assert "No scores yet" in visible_text(shown)


def test_an_empty_portal_shows_a_message() -> None:
    assert "No contacts yet" in visible_text(get_page(start_portal(make_portal()), "/"))


@pytest.mark.parametrize("text", ["noor", "COSTA", "noor@example.org", "werft", "costa noor"])
def test_a_contact_is_found_by_name_email_and_company(text: str) -> None:
    noor = make_contact(7, firstname="Noor", lastname="Costa", email="noor@example.org", company="Nordwerft AG")
    assert contact_ids_on_page(get_page(start_portal(make_portal([make_contact(1), noor])), f"/?q={text}")) == ["7"]


def test_a_search_without_results_shows_a_message() -> None:
    assert "No contacts found" in visible_text(get_page(start_portal(make_portal(make_contacts(2))), "/?q=unknown"))


def test_other_requests_are_served_during_a_search() -> None:
    portal = start_portal(make_portal(make_contacts(25_000))).portal
    formatter, turns = ValueFormatter(zone=UTC, now=NOW_MS), []

    async def count_turns() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    async def search() -> int:
        counter = asyncio.create_task(count_turns())
        found = await contact_list.search_contacts(portal, formatter, text="person-24", page=1)
        counter.cancel()
        return found.total

    assert asyncio.run(search()) == 1 + 10 + 100 + 1_000
    assert len(turns) == 2


def test_page_links_keep_the_search() -> None:
    served = start_portal(make_portal([make_contact(number, company="Nordwerft & Co") for number in range(1, 61)]))
    first, last = get_page(served, "/?q=werft+%26"), get_page(served, "/?q=werft+%26&page=3")
    assert len(contact_ids_on_page(first)) == 25
    assert 'href="?q=werft%20%26&amp;page=2"' in first
    assert contact_ids_on_page(last) == [str(number) for number in range(51, 61)]
    assert 'rel="next"' not in last


@pytest.mark.parametrize("number", ["0", "-1", "99999999999999999999", "two", "²", ""])
def test_an_invalid_page_number_shows_the_nearest_page(number: str) -> None:
    assert contact_ids_on_page(get_page(start_portal(make_portal(make_contacts(3))), f"/?page={number}")) == ["1", "2", "3"]


def test_the_contact_page_starts_with_the_score_and_the_labels_of_its_properties() -> None:
    served = add_scores(start_portal(make_portal([make_contact(7, jobtitle="VP Sales")])), _7="31")
    reasons = "+15 clicked 10 emails\n−5 viewed careers pages"
    served.patch(f"{CONTACTS}/7", {"properties": {"lead_score_band": "engaged", "lead_score_reasons": reasons}})
    shown = get_page(served, "/contacts/7")
    assert "Lead scoring Lead score 31 Lead score band Engaged Lead score reasons" in visible_text(shown)
    assert "About the lead score reasons." in visible_text(shown)
    assert '<span class="line plus">+15 clicked 10 emails</span><span class="line minus">−5 viewed careers pages</span>' in shown
    assert "Job Title VP Sales" in visible_text(shown)


def test_an_empty_score_section_lists_the_unset_properties() -> None:
    shown = visible_text(get_page(add_scores(start_portal(make_portal(make_contacts(1)))), "/contacts/1"))
    assert "Not set: Lead score, Lead score band, Lead score reasons" in shown


def test_a_score_with_another_prefix_is_shown_and_sorts_the_contacts() -> None:
    served = start_portal(make_portal(make_contacts(2)))
    served.post("/crm/v3/properties/contacts/groups", {"name": "fit_scoring", "label": "Fit"})
    served.post("/crm/v3/properties/contacts", {**property_body("fit_score", "Fit score", "number", "number"), "groupName": "fit_scoring"})
    served.patch(f"{CONTACTS}/2", {"properties": {"fit_score": "3"}})
    assert contact_ids_on_page(get_page(served, "/")) == ["2", "1"]


def test_the_timeline_shows_events_newest_first() -> None:
    clicked = NOW_MS - 2 * DAY_MS
    clicks = [
        make_click(1, clicked, url="https://www.example.com/offer", sentBy={"id": "s", "created": clicked - 900}),
        make_click(2, clicked - DAY_MS, filteredEvent=True, userAgent="LinkBot/1.0", obsoletedBy={"id": "n", "created": NOW_MS}),
    ]
    sent = {"formId": "f1", "submittedAt": NOW_MS - 60_000, "values": [{"name": "email", "value": "person-1@example.com"}]}
    data = make_portal(
        make_contacts(1),
        email_events=clicks,
        events=[make_page_view(1, DAY_MS, "Pricing")],
        forms=[{"id": "f1", "name": "Contact us"}],
        submissions=[sent],
    )
    shown = visible_text(get_page(start_portal(data), "/contacts/1"))
    events = ["Submitted “Contact us”", "Viewed “Pricing”", "Clicked a link in an email 0.9 s after sending", "filtered by HubSpot"]
    assert sorted(events, key=shown.index) == events
    assert "replaced by another event" in shown
    assert "crawler user agent" in shown
    assert "20 November 2026" in shown


def test_a_long_timeline_is_shortened_unless_all_events_are_requested() -> None:
    served = start_portal(
        make_portal(make_contacts(1), events=[make_page_view(1, 1000 * number, f"Page {number}.") for number in range(1, 101)])
    )
    short, whole = (visible_text(get_page(served, path)) for path in ("/contacts/1", "/contacts/1?all"))
    assert "Page 60." in short
    assert "Page 61." not in short
    assert "Page 100." in whole


def test_company_deals_and_lists_are_shown_with_the_contact() -> None:
    company = {**make_contact(9), "properties": {"name": "Nordwerft AG", "domain": "nordwerft.example", "numberofemployees": "1200"}}
    deal = {"id": "5", "properties": {"dealname": "Dock", "amount": "12000", "dealstage": "closedwon"}, "contactIds": ["1"]}
    served = start_portal(make_portal([make_contact(1, associatedcompanyid="9")], companies=[company], deals=[deal]))
    created = served.post("/crm/v3/lists", {"name": "MQL · direct", "objectTypeId": "0-1", "processingType": "MANUAL"}).json()["list"]
    served.put(f"/crm/v3/lists/{created['listId']}/memberships/add", ["1"])
    shown = visible_text(get_page(served, "/contacts/1"))
    assert "Lists 1 MQL · direct" in shown
    assert "Nordwerft AG" in shown
    assert "1,200" in shown
    assert "Dock" in shown
    assert "Closed Won" in shown


def test_lists_have_sizes_and_members_by_score() -> None:
    served = add_scores(start_portal(make_portal(make_contacts(3))), _1="5", _3="9")
    created = served.post("/crm/v3/lists", {"name": "Leads · engaged", "objectTypeId": "0-1", "processingType": "MANUAL"}).json()["list"]
    served.put(f"/crm/v3/lists/{created['listId']}/memberships/add", ["1", "3"])
    assert "Leads · engaged 2 Static" in visible_text(get_page(served, "/lists"))
    assert contact_ids_on_page(get_page(served, f"/lists/{created['listId']}")) == ["3", "1"]


def test_an_empty_list_and_no_lists_show_a_message() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    assert "No lists yet" in visible_text(get_page(served, "/lists"))
    created = served.post("/crm/v3/lists", {"name": "MQL", "objectTypeId": "0-1", "processingType": "MANUAL"}).json()["list"]
    assert "This list is empty" in visible_text(get_page(served, f"/lists/{created['listId']}"))


def test_changes_show_the_old_and_the_new_value() -> None:
    served = add_scores(start_portal(make_portal(make_contacts(1))), _1="5")
    assert "Lead score 5" in visible_text(get_page(served, "/changes"))
    served.clock.advance(90)
    served.patch(f"{CONTACTS}/1", {"properties": {"lead_score": "1234"}})
    shown = visible_text(get_page(served, "/changes"))
    assert "just now Lead score 5 1,234" in shown
    assert "1 minute ago Lead score 5" in shown


def test_changes_of_standard_properties_are_shown_on_request() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    served.patch(f"{CONTACTS}/1", {"properties": {"jobtitle": "CTO"}})
    assert "No changes yet" in visible_text(get_page(served, "/changes"))
    assert "Job Title CTO" in visible_text(get_page(served, "/changes?all"))


def test_values_of_a_contact_are_escaped() -> None:
    markup = "<script>alert(1)</script>\"'&"
    contact = make_contact(1, firstname=markup, lastname=markup, company=markup, jobtitle=markup, own_text=markup)
    view = make_page_view(1, 1000, markup)
    served = add_scores(start_portal(make_portal([contact], events=[view], forms=[{"id": "f", "name": markup}])), _1="1")
    served.patch(f"{CONTACTS}/1", {"properties": {"lead_score_reasons": markup}})
    for path in ("/", "/contacts/1", "/changes?all", "/?q=%3Cscript%3E", '/?q="><script>x'):
        shown = get_page(served, path)
        assert "<script" not in shown
        assert "&lt;script&gt;" in shown


def test_the_security_policy_allows_no_scripts_and_no_loading() -> None:
    policy = start_portal(make_portal(make_contacts(1))).get("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy


@pytest.mark.parametrize("path", ["/contacts/99", "/lists/99"])
def test_a_missing_record_shows_a_message(path: str) -> None:
    reply = start_portal(make_portal(make_contacts(1))).get(path)
    assert reply.status_code == 404
    assert "99 does not exist." in visible_text(reply.text)


def test_a_merged_contact_shows_its_survivor() -> None:
    served = start_portal(make_portal(make_contacts(2)))
    survivor = served.post(f"{CONTACTS}/merge", {"primaryObjectId": "1", "objectIdToMerge": "2"}).json()["id"]
    assert survivor not in {"1", "2"}
    shown = visible_text(get_page(served, "/contacts/2"))
    assert "person-1@example.com" in shown


def test_the_pages_use_no_requests_and_need_no_token() -> None:
    served = start_portal(make_portal(make_contacts(1)), rate=1)
    view = partial(served.http.get, headers={"Authorization": ""})
    assert [view(path).status_code for path in ("/", "/lists", "/changes", "/contacts/1")] == [200] * 4
    assert served.get(CONTACTS).status_code == 200


def test_templates_are_part_of_the_package() -> None:
    templates = Path(web.__file__).parent / "templates"
    assert {path.suffix for path in templates.iterdir()} == {".html", ".css", ".svg"}


@pytest.mark.parametrize("path", ["/contacts/99999999999999999999999", "/lists/99999999999999999999999"])
def test_an_id_that_is_too_long_is_not_found(path: str) -> None:
    assert start_portal(make_portal(make_contacts(1))).get(path).status_code == 404


def test_the_workflows_are_shown_in_words_with_their_state_and_list() -> None:
    served = start_portal(make_portal())
    assert "No workflows yet" in visible_text(get_page(served, "/workflows"))
    served.post("/crm/v3/lists", {"name": "MQL", "objectTypeId": "0-1", "processingType": "MANUAL"})
    members = {"filters": [{"filterType": "IN_LIST", "listId": "1"}]}
    actions = [
        {"type": "SINGLE_CONNECTION", "actionTypeId": "0-1", "fields": {"delta": "20160", "time_unit": "MINUTES"}},
        {"type": "SINGLE_CONNECTION", "actionTypeId": "0-3", "fields": {"subject": "Call", "body": "<p>Soon &amp; <b>friendly</b></p>"}},
        {"type": "LIST_BRANCH"},
    ]
    definition = {"name": "<Call>", "isEnabled": False, "actions": actions, "description": "1. Wait. 2. Call 3 people."}
    enrollment = {"enrollmentCriteria": {"listFilterBranch": {"filterBranches": [members]}}}
    served.portal.workflows.create({**definition, **enrollment}, now=NOW_MS)
    text = visible_text(get_page(served, "/workflows"))
    assert "<Call> Off" in text
    assert "Enrolls members of MQL Actions Wait 14 days Create a task: “Call” Soon & friendly LIST_BRANCH" in text
    assert "Description Wait. Call 3 people." in text


def test_the_task_of_a_contact_is_its_first_card_with_notes_as_text_and_its_owner_by_name() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    properties = {
        "hs_timestamp": str(NOW_MS),
        "hs_task_subject": "New MQL: <Ada>",
        "hs_task_body": "A &amp; B<br>key",
        "hubspot_owner_id": "77001",
    }
    association = {"to": {"id": "1"}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}]}
    served.post("/crm/v3/objects/tasks", {"properties": properties, "associations": [association]})
    page = get_page(served, "/contacts/1")
    assert "Tasks 1 New MQL: <Ada> Notes A & B key" in visible_text(page)
    assert "Owner Ada Berg" in visible_text(page)
    assert page.index('class="card tasks"') < page.index("<h2>Lists")
