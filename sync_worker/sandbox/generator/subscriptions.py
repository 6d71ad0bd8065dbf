"""Email subscriptions of a generated portal: opt-ins of interested people, and unsubscriptions."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.people import Person
from sync_worker.sandbox.generator.timestamps import DAY_MS, format_iso

SUBSCRIPTION_TYPES: Final = ("Marketing Information", "Newsletter", "Webinars and events")
_BASE_OPT_IN_RATE: Final = 0.08  # share of people without any engagement that opt in to a type
_UNSUBSCRIPTION_RATE: Final = 0.04  # share of people that unsubscribe from one type only


def subscription_rows(person: Person, rng: Random, now: int) -> Iterator[Row]:
    """Yield the statuses of a person; someone who has opted out of all email is unsubscribed from every type."""
    for name in SUBSCRIPTION_TYPES:
        draw = rng.random()
        if not person.email:
            continue
        opt_in_rate = _BASE_OPT_IN_RATE + 0.5 * person.engagement_level.campaign_share
        if person.email_status == "optout":
            yield _row(person, name, "UNSUBSCRIBED", person.email_until)
        elif draw < _UNSUBSCRIPTION_RATE:
            yield _row(person, name, "UNSUBSCRIBED", person.last_active)
        elif draw < _UNSUBSCRIPTION_RATE + opt_in_rate:
            yield _row(person, name, "SUBSCRIBED", min(person.created_at + DAY_MS, now))


def _row(person: Person, name: str, status: str, at: int) -> Row:
    return {"email": person.email, "subscription": name, "status": status, "timestamp": format_iso(at)}
