"""Deals of a generated portal."""

from __future__ import annotations

from random import Random
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.people import GeneratedDeal, Person
from sync_worker.sandbox.generator.seeded_random import draw_int, pick
from sync_worker.sandbox.generator.timestamps import format_iso

_OPEN_STAGES: Final = ("appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin", "contractsent")


def deal_row(person: Person, outcome: GeneratedDeal, rng: Random, now: int) -> Row:
    """Return the deal of a person in HubSpot's JSON; the close date of an open deal is the expected one."""
    stage = {"won": "closedwon", "lost": "closedlost"}.get(outcome.outcome) or pick(rng, _OPEN_STAGES)
    seats = draw_int(rng, 3, 12) + (person.company.employees // 20 if person.company else 0)
    properties = {
        "dealname": f"{person.company.name if person.company else person.last_name.text} – {seats} seats",
        "pipeline": "default",
        "dealstage": stage,
        "amount": str(seats * 240),
        "hs_is_closed": str(outcome.outcome != "open").lower(),
        "hs_is_closed_won": str(outcome.outcome == "won").lower(),
        "createdate": format_iso(outcome.created_at),
        "closedate": format_iso(outcome.closed_at),
        "hs_lastmodifieddate": format_iso(min(outcome.closed_at, now)),
    }
    return {"id": str(700_000_001 + person.number), "properties": properties, "contactIds": [person.id]}
