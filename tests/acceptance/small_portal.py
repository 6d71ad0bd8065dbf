"""A portal folder with eleven contacts, one for each kind of person of docs/method.md."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
READER, ASKER, STUDENT, BEGINNER, ENGAGED, CAREERS, OPTED_OUT, COMPETITOR, QUIET, FORGOTTEN, CUSTOMER = (str(id_) for id_ in range(1, 12))
DOMAINS = {STUDENT: "uni-heidelberg.de", COMPETITOR: "leadforge.example"}
PROPERTIES = {
    STUDENT: {"jobtitle": "", "associatedcompanyid": ""},
    OPTED_OUT: {"hs_email_optout": "true"},
    CUSTOMER: {"lifecyclestage": "customer"},
}
#: Clicks, page views, submissions of awareness forms, and the days since the last of them.
ACTIVITY = {
    READER: (10, 10, 10, 1),
    STUDENT: (10, 10, 10, 1),
    BEGINNER: (1, 0, 0, 1),
    ENGAGED: (10, 10, 3, 1),
    CAREERS: (10, 0, 0, 1),
    OPTED_OUT: (10, 10, 10, 1),
    COMPETITOR: (10, 10, 10, 1),
    QUIET: (10, 10, 10, 160),
    FORGOTTEN: (10, 10, 10, 900),
    CUSTOMER: (10, 10, 10, 1),
}
CREATED = {"createdAt": "2023-01-02T03:04:05Z", "updatedAt": "2023-01-02T03:04:05Z", "archived": False}


def write_portal(folder: Path) -> None:
    folder.mkdir()
    portal = {"portalId": 7, "tier": "enterprise", "timeZone": "UTC", "now": NOW.isoformat()}
    (folder / "portal.json").write_text(json.dumps(portal))
    files: dict[str, list[dict[str, Any]]] = {"companies": [make_company()], "forms": make_forms(), "submissions": [make_request()]}
    files["contacts"] = [make_contact(id_) for id_ in (ASKER, *ACTIVITY)]
    for id_, (clicks, views, submissions, days) in ACTIVITY.items():
        times = [NOW - timedelta(days=days, hours=2 * number) for number in range(10)]
        files.setdefault("email_events", []).extend(make_click(id_, number, times[number]) for number in range(clicks))
        files.setdefault("events", []).extend(make_view(id_, number, times[number]) for number in range(views))
        files["submissions"].extend(make_submission(id_, times[number]) for number in range(submissions))
    files["subscriptions"] = [make_subscription(READER, "SUBSCRIBED"), make_subscription(BEGINNER, "UNSUBSCRIBED")]
    files["events"].append(make_view(CAREERS, 99, NOW - timedelta(days=1), path="/careers/engineer"))
    for kind, rows in files.items():
        (folder / f"{kind}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def address(id_: str) -> str:
    return f"person{id_}@{DOMAINS.get(id_, 'acme.example')}"


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def make_contact(id_: str) -> dict[str, Any]:
    profile = {
        "email": address(id_),
        "jobtitle": "Head of Marketing",
        "country": "Germany",
        "industry": "Computer software",
        "associatedcompanyid": "70",
        "lifecyclestage": "lead",
        **PROPERTIES.get(id_, {}),
    }
    return {"id": id_, "properties": profile, **CREATED}


def make_company() -> dict[str, Any]:
    profile = {
        "name": "Acme",
        "numberofemployees": "400",
        "country": "Germany",
        "industry": "COMPUTER_SOFTWARE",
        "annualrevenue": "9000000",
    }
    return {"id": "70", "properties": profile, **CREATED}


def make_forms() -> list[dict[str, Any]]:
    return [{"id": "paper", "name": "White paper download"}, {"id": "contact", "name": "Contact us"}]


def make_subscription(id_: str, status: str) -> dict[str, Any]:
    created = "2024-01-02T03:04:05Z"
    return {"email": address(id_), "subscription": "Marketing Information", "status": status, "timestamp": created}


def make_request() -> dict[str, Any]:
    return {**make_submission(ASKER, NOW - timedelta(days=1)), "formId": "contact"}


def make_submission(id_: str, at: datetime) -> dict[str, Any]:
    values = [{"name": "email", "value": address(id_), "objectTypeId": "0-1"}]
    return {"formId": "paper", "submittedAt": milliseconds(at), "values": values, "pageUrl": "https://shop.example/paper"}


def make_click(id_: str, number: int, at: datetime) -> dict[str, Any]:
    url = f"https://shop.example/article/{number}"
    return {"id": f"click-{id_}-{number}", "created": milliseconds(at), "type": "CLICK", "recipient": address(id_), "url": url}


def make_view(id_: str, number: int, at: datetime, path: str = "/product") -> dict[str, Any]:
    url = {"hs_url": f"https://shop.example{path}"}
    return {"id": f"view-{id_}-{number}", "eventType": "e_visited_page", "objectId": id_, "occurredAt": at.isoformat(), "properties": url}
