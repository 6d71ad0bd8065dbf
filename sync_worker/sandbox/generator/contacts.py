"""People as HubSpot's contacts."""

from __future__ import annotations

from bisect import bisect
from random import Random
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.companies import Company
from sync_worker.sandbox.generator.engagement_level import ASLEEP
from sync_worker.sandbox.generator.people import Person
from sync_worker.sandbox.generator.seeded_random import pick, shares
from sync_worker.sandbox.generator.timestamps import DAY, MINUTE, iso

_SIZES: Final = ("1-5", "5-25", "25-50", "50-100", "100-500", "500-1000", "1000+")
_SIZE_BOUNDS: Final = (5, 25, 50, 100, 500, 1000)
_SOURCES: Final = shares(
    [
        ("ORGANIC_SEARCH", 28),
        ("DIRECT_TRAFFIC", 20),
        ("PAID_SEARCH", 10),
        ("EMAIL_MARKETING", 8),
        ("SOCIAL_MEDIA", 8),
        ("PAID_SOCIAL", 5),
        ("REFERRALS", 9),
        ("OTHER_CAMPAIGNS", 4),
        ("OFFLINE", 8),
    ]
)
_STAGES: Final = shares([("lead", 60), ("subscriber", 28), ("", 7), ("other", 3), ("salesqualifiedlead", 2)])
_STAGE_OF_OUTCOME: Final = {
    "won": shares([("customer", 95), ("evangelist", 5)]),
    "open": ("opportunity",),
    "lost": shares([("opportunity", 40), ("lead", 45), ("other", 15)]),
}
_CONFIRMED: Final = shares([("Confirmed", 30), ("Pending", 5), ("", 65)])
_BOUNCES: Final = shares([("UNKNOWN_USER", 80), ("MAILBOX_FULL", 8), ("POLICY", 7), ("OTHER", 5)])


def contact(person: Person, rng: Random, now: int) -> Row:
    """Return the contact of a person; what HubSpot does not know is left out, and some of it is always unknown."""
    created = iso(person.created)
    updated = iso(_updated(person, rng, now))
    properties = {
        "email": person.email,
        "firstname": person.first.text,
        "lastname": person.last.text if rng.random() < 0.96 else "",
        "jobtitle": person.title,
        "city": person.city if rng.random() < 0.7 else "",
        "country": pick(rng, person.country.spellings) if rng.random() < 0.85 else "",
        "hs_language": person.country.hs_language,
        "phone": f"{person.country.phone} 555 {int(rng.random() * 1e7):07d}" if rng.random() < 0.35 else "",
        "lifecyclestage": _stage(person, rng),
        "hs_analytics_source": pick(rng, _SOURCES),
        **(_employer(person.company, rng) if person.company else {}),
        **(_mail(person, rng) if person.email else {}),
        "createdate": created,
        "lastmodifieddate": updated,
    }
    return {
        "id": person.id,
        "properties": {name: value for name, value in properties.items() if value},
        "createdAt": created,
        "updatedAt": updated,
        "archived": False,
    }


def _updated(person: Person, rng: Random, now: int) -> int:
    last = max(person.last_active, person.deal.created if person.deal else 0)
    return min(last + int(rng.random() ** 4 * 200 * DAY), now - int(rng.random() * 90 * MINUTE)) if last < now - 2 * 60 * MINUTE else last


def _stage(person: Person, rng: Random) -> str:
    if person.deal:
        return pick(rng, _STAGE_OF_OUTCOME[person.deal.outcome])
    if person.kind.managed and rng.random() < person.heat.qualified:
        return "marketingqualifiedlead"
    return pick(rng, _STAGES)


def _employer(company: Company, rng: Random) -> dict[str, str]:
    told = rng.random() < 0.6  # the rest only has the company record
    return {
        "associatedcompanyid": str(company.id),
        "company": company.name,
        "website": company.domain,
        "industry": company.industry.label if told else "",
        "numemployees": _SIZES[bisect(_SIZE_BOUNDS, company.employees)] if told else "",
        "annualrevenue": str(company.revenue) if told and rng.random() < 0.5 else "",
    }


def _mail(person: Person, rng: Random) -> dict[str, str]:
    ended = person.mail_end
    return {
        "hs_additional_emails": person.email.replace("@", ".old@") if rng.random() < 0.015 else "",
        "hs_emailconfirmationstatus": "Confirmed" if person.heat is not ASLEEP and rng.random() < 0.5 else pick(rng, _CONFIRMED),
        "hs_email_optout": "true" if ended == "optout" else "",
        "hs_email_hard_bounce_reason_enum": pick(rng, _BOUNCES) if ended == "bounce" else "",
        "hs_marketable_status": "false" if ended == "bounce" or rng.random() < 0.1 else "true",
    }
