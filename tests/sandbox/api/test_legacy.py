"""The endpoints of v1 and v2 that extractors still read; hubspot-api.md section 0."""

from __future__ import annotations

import pytest

from tests.sandbox.portal_factories import PortalClient, make_click, make_contact, make_portal, start_portal

COMPANIES = [{"id": str(number), "properties": {"name": f"Company {number}"}, "updatedAt": "2026-02-03T04:05:06Z"} for number in (7, 8, 9)]
DEALS = [{"id": str(number), "properties": {"amount": "5", "dealstage": "closedwon"}, "contactIds": ["1"]} for number in (20, 21)]


def start_legacy_portal() -> PortalClient:
    forms = [{"id": "f", "name": "Contact us"}, {"id": "g", "name": "Pop-up", "formType": "flow"}]
    events = [make_click(1, 1_000, emailCampaignId=5, appId=2, appName="Batch"), make_click(2, 2_000)]
    contacts = [make_contact(1, associatedcompanyid="7"), make_contact(2)]
    return start_portal(make_portal(contacts, companies=COMPANIES, deals=DEALS, forms=forms, email_events=events))


def test_companies_are_paged_by_offset_and_read_by_id() -> None:
    served = start_legacy_portal()
    first = served.get("/companies/v2/companies/paged", limit=2, properties="name").json()
    last = served.get("/companies/v2/companies/paged", limit=2, offset=first["offset"]).json()
    assert [[company["companyId"] for company in page["companies"]] for page in (first, last)] == [[7, 8], [9]]
    assert (first["has-more"], last["has-more"]) == (True, False)
    assert {name: each["value"] for name, each in first["companies"][0]["properties"].items()} == {"name": "Company 7"}
    one = served.get("/companies/v2/companies/8").json()
    assert (one["portalId"], one["properties"]["hs_lastmodifieddate"]["timestamp"]) == (42, 1_770_091_506_000)
    assert served.get("/companies/v2/companies/99").status_code == 404


def test_deals_have_their_contacts_and_pipelines_their_stages() -> None:
    served = start_legacy_portal()
    page = served.get("/deals/v1/deal/paged", limit=1, includeAllProperties="true").json()
    [deal] = page["deals"]
    assert (deal["dealId"], deal["associations"]["associatedVids"], deal["properties"]["amount"]["value"]) == (20, [1], "5")
    assert (page["hasMore"], served.get("/deals/v1/deal/paged", limit=1, offset=page["offset"]).json()["hasMore"]) == (True, False)
    [pipeline] = served.get("/deals/v1/pipelines").json()
    assert "closedwon" in [stage["stageId"] for stage in pipeline["stages"]]


@pytest.mark.parametrize(("path", "name"), [("/companies/v2/properties", "domain"), ("/properties/v1/deals/properties", "dealstage")])
def test_properties_are_a_list(path: str, name: str) -> None:
    assert name in [definition["name"] for definition in start_legacy_portal().get(path).json()]


def test_forms_of_hubspot_and_campaigns_with_events_are_listed() -> None:
    served = start_legacy_portal()
    assert [(form["guid"], form["name"]) for form in served.get("/forms/v2/forms").json()] == [("f", "Contact us")]
    assert [campaign["id"] for campaign in served.get("/email/public/v1/campaigns/by-id").json()["campaigns"]] == [5]
    assert served.get("/email/public/v1/campaigns/5").json()["appName"] == "Batch"
    assert served.get("/email/public/v1/campaigns/6").status_code == 404


def test_associations_have_the_format_of_v3() -> None:
    served = start_legacy_portal()
    reply = served.post("/crm/v3/associations/company/contact/batch/read", {"inputs": [{"id": "7"}, {"id": "8"}]})
    assert reply.json()["results"] == [{"from": {"id": "7"}, "to": [{"id": "1", "type": "company_to_contact"}]}]


@pytest.mark.parametrize("path", ["/engagements/v1/engagements/modified/after", "/automation/v3/workflows"])
def test_there_are_no_engagements_and_no_workflows(path: str) -> None:
    body = start_legacy_portal().get(path, after="5").json()
    assert (body["results"], body["workflows"], body["hasMore"], body["after"]) == ([], [], False, "5")
