"""Fictional people of a generated portal; generator/contacts.py converts them to contacts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final, Literal, NamedTuple

from sync_worker.sandbox.generator.companies import Company
from sync_worker.sandbox.generator.engagement_level import INACTIVE, EngagementLevel, draw_engagement_level
from sync_worker.sandbox.generator.personas import STUDENT_PERSONA, WEIGHTED_PERSONAS, Persona
from sync_worker.sandbox.generator.seeded_random import draw_exponential, draw_int, expand_weights, pick
from sync_worker.sandbox.generator.timestamps import DAY_MS, HOUR_MS, MINUTE_MS
from sync_worker.sandbox.generator.vocabulary import addresses, job_titles
from sync_worker.sandbox.generator.vocabulary.countries import WEIGHTED_COUNTRIES, Country
from sync_worker.sandbox.generator.vocabulary.names import FIRST_NAMES, LAST_NAMES, Name

DealOutcome = Literal["open", "won", "lost"]
EmailStatus = Literal["none", "optout", "bounce"]

HISTORY_DAYS: Final = 540  # days of recorded events
_PORTAL_AGE_MS: Final = 5 * 365 * DAY_MS  # age of the oldest contact
_DEAL_OUTCOMES: Final[tuple[DealOutcome, ...]] = expand_weights([("won", 45), ("lost", 33), ("open", 22)])
_EMAIL_STATUSES: Final[tuple[EmailStatus, ...]] = expand_weights([("none", 91), ("optout", 6), ("bounce", 3)])


class GeneratedDeal(NamedTuple):
    """A deal with a person; times in epoch milliseconds."""

    outcome: DealOutcome
    created_at: int
    closed_at: int


class Person(NamedTuple):
    """A fictional person; times in epoch milliseconds, `fit` is 0..1. A tuple, because a million are generated."""

    number: int
    id: str
    persona: Persona
    company: Company | None
    first_name: Name
    last_name: Name
    email: str
    country: Country
    city: str
    job_title: str
    fit: float
    engagement_level: EngagementLevel
    created_at: int
    first_active: int
    last_active: int
    email_status: EmailStatus
    email_until: int  # no campaign is sent later
    deal: GeneratedDeal | None


def creation_time(share: float, now: int) -> int:
    """Return the time at which this share of the contacts existed; growth accelerates."""
    return now - max(10 * MINUTE_MS, int(_PORTAL_AGE_MS * (1 - share) ** 1.4))


def generate_people(rng: Random, *, numbers: range, total: int, companies: Sequence[Company], now: int) -> Iterator[Person]:
    """Yield the people with these numbers out of `total`, oldest first; employed ones work at `companies`."""
    used_addresses: set[str] = set()
    for number in numbers:
        persona = pick(rng, WEIGHTED_PERSONAS)
        company = companies[int(rng.random() ** 1.6 * len(companies))] if persona.is_employed else None
        country = company.country if company else pick(rng, WEIGHTED_COUNTRIES)
        name = first, last = pick(rng, FIRST_NAMES[country.language]), pick(rng, LAST_NAMES[country.language])
        rank = job_titles.STUDENT if persona is STUDENT_PERSONA else pick(rng, job_titles.WEIGHTED_SENIORITIES)
        fit = 0.6 * company.fit + 0.08 * rank if company else persona.fit
        level = draw_engagement_level(rng, persona.engagement_bias + (0.1 * (fit - 0.5) if company else 0.0))
        created = creation_time((number + rng.random()) / total, now)
        period = _activity_period(rng, level, created, now)
        email_status = pick(rng, _EMAIL_STATUSES)
        if company:
            email = addresses.work_address(company.domain, name, used_addresses) if persona.has_email else ""
        else:
            email = addresses.private_address(rng, persona.email_domains[country.language], name, number)
        yield Person(
            number=number,
            id=str(1001 + 37 * number + int(37 * rng.random())),
            persona=persona,
            company=company,
            first_name=first,
            last_name=last,
            email=email,
            country=country,
            city=company.city if company and rng.random() < 0.8 else pick(rng, country.cities),
            job_title=pick(rng, job_titles.JOB_TITLES[country.language, rank]) if rng.random() < persona.job_title_share else "",
            fit=fit,
            engagement_level=level,
            created_at=created,
            first_active=period[0],
            last_active=period[1],
            email_status=email_status,
            email_until=now if email_status == "none" else now - int(rng.random() * (now - created)),
            deal=_generate_deal(rng, period, now) if rng.random() < level.deal_chance * fit else None,
        )


def _activity_period(rng: Random, engagement_level: EngagementLevel, created: int, now: int) -> tuple[int, int]:
    if engagement_level is INACTIVE:
        return created, created
    idle = int(draw_exponential(rng, engagement_level.mean_idle_days) * DAY_MS)
    most = min(now - created, HISTORY_DAYS * DAY_MS)
    last = now - (idle if idle < most else int(rng.random() * most))
    return max(created, last - draw_int(rng, *engagement_level.active_span_days) * DAY_MS - HOUR_MS, now - HISTORY_DAYS * DAY_MS), last


def _generate_deal(rng: Random, activity_period: tuple[int, int], now: int) -> GeneratedDeal:
    first, last = activity_period
    planned = first + int((1 - 0.4 * rng.random() ** 2) * (last - first)) + int(draw_exponential(rng, 5) * DAY_MS)
    created = min(planned, now - MINUTE_MS)
    closed = created + int((12 + draw_exponential(rng, 25)) * DAY_MS)
    return GeneratedDeal(outcome=pick(rng, _DEAL_OUTCOMES) if closed <= now else "open", created_at=created, closed_at=closed)
