"""Deals: what became of those who fitted and cared."""

from __future__ import annotations

from random import Random
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.people import Person, Prospect
from sync_worker.sandbox.generator.seeded_random import between, pick
from sync_worker.sandbox.generator.timestamps import iso

_OPEN_STAGES: Final = ("appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin", "contractsent")


def deal(person: Person, prospect: Prospect, rng: Random, now: int) -> Row:
    """Return the deal that came of somebody's interest, as HubSpot shows it; an open one closes when it is expected to."""
    stage = {"won": "closedwon", "lost": "closedlost"}.get(prospect.outcome) or pick(rng, _OPEN_STAGES)
    seats = between(rng, 3, 12) + (person.company.employees // 20 if person.company else 0)
    properties = {
        "dealname": f"{person.company.name if person.company else person.last.text} – {seats} seats",
        "pipeline": "default",
        "dealstage": stage,
        "amount": str(seats * 240),
        "hs_is_closed": str(prospect.outcome != "open").lower(),
        "hs_is_closed_won": str(prospect.outcome == "won").lower(),
        "createdate": iso(prospect.created),
        "closedate": iso(prospect.closed),
        "hs_lastmodifieddate": iso(min(prospect.closed, now)),
    }
    return {"id": str(700_000_001 + person.number), "properties": properties, "contactIds": [person.id]}
