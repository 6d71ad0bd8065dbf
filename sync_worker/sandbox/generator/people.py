"""The people of a made-up portal: who they are, how much they care, what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final, Literal, NamedTuple

from sync_worker.sandbox.generator import addresses, job_titles
from sync_worker.sandbox.generator.companies import Company
from sync_worker.sandbox.generator.countries import COUNTRIES, Country
from sync_worker.sandbox.generator.engagement_level import ASLEEP, Heat, interest
from sync_worker.sandbox.generator.names import FIRST, LAST, Name
from sync_worker.sandbox.generator.personas import KINDS, STUDENTS, Kind
from sync_worker.sandbox.generator.seeded_random import between, pick, shares, waiting
from sync_worker.sandbox.generator.timestamps import DAY, HOUR, MINUTE

Outcome = Literal["open", "won", "lost"]
MailEnd = Literal["none", "optout", "bounce"]

LOG_DAYS: Final = 540  # how far back anything was recorded
_LIFE_MS: Final = 5 * 365 * DAY  # how old the portal is
_OUTCOMES: Final[tuple[Outcome, ...]] = shares([("won", 45), ("lost", 33), ("open", 22)])
_MAIL_ENDS: Final[tuple[MailEnd, ...]] = shares([("none", 91), ("optout", 6), ("bounce", 3)])


class Prospect(NamedTuple):
    """A deal that came of somebody's interest; moments are epoch milliseconds."""

    outcome: Outcome
    created: int
    closed: int


class Person(NamedTuple):
    """Somebody in the portal; moments are epoch milliseconds, `fit` is 0..1. A tuple, since a million are made."""

    number: int
    id: str
    kind: Kind
    company: Company | None
    first: Name
    last: Name
    email: str
    country: Country
    city: str
    title: str
    fit: float
    heat: Heat
    created: int
    first_active: int
    last_active: int
    mail_end: MailEnd
    mail_ends: int  # no campaign is sent to them after that
    deal: Prospect | None


def known_since(share: float, now: int) -> int:
    """Return when the portal knew this share of its people; it grows faster and faster."""
    return now - max(10 * MINUTE, int(_LIFE_MS * (1 - share) ** 1.4))


def people(rng: Random, *, numbers: range, total: int, companies: Sequence[Company], now: int) -> Iterator[Person]:
    """Yield the people with these numbers out of `total`, those known for longest first; they work at `companies`."""
    taken: set[str] = set()
    for number in numbers:
        kind = pick(rng, KINDS)
        company = companies[int(rng.random() ** 1.6 * len(companies))] if kind.employed else None
        country = company.country if company else pick(rng, COUNTRIES)
        name = first, last = pick(rng, FIRST[country.language]), pick(rng, LAST[country.language])
        rank = job_titles.STUDENT if kind is STUDENTS else pick(rng, job_titles.SENIORITIES)
        fit = 0.6 * company.fit + 0.08 * rank if company else kind.fit
        heat = interest(rng, kind.lean + (0.1 * (fit - 0.5) if company else 0.0))
        created = known_since((number + rng.random()) / total, now)
        active = _active(rng, heat, created, now)
        mail_end = pick(rng, _MAIL_ENDS)
        if company:
            email = addresses.at_work(company.domain, name, taken) if kind.addressed else ""
        else:
            email = addresses.private(rng, kind.providers[country.language], name, number)
        yield Person(
            number=number,
            id=str(1001 + 37 * number + int(37 * rng.random())),
            kind=kind,
            company=company,
            first=first,
            last=last,
            email=email,
            country=country,
            city=company.city if company and rng.random() < 0.8 else pick(rng, country.cities),
            title=pick(rng, job_titles.TITLES[country.language, rank]) if rng.random() < kind.titled else "",
            fit=fit,
            heat=heat,
            created=created,
            first_active=active[0],
            last_active=active[1],
            mail_end=mail_end,
            mail_ends=now if mail_end == "none" else now - int(rng.random() * (now - created)),
            deal=_deal(rng, active, now) if rng.random() < heat.deal * fit else None,
        )


def _active(rng: Random, heat: Heat, created: int, now: int) -> tuple[int, int]:
    if heat is ASLEEP:
        return created, created
    idle = int(waiting(rng, heat.idle_days) * DAY)
    most = min(now - created, LOG_DAYS * DAY)
    last = now - (idle if idle < most else int(rng.random() * most))
    return max(created, last - between(rng, *heat.span_days) * DAY - HOUR, now - LOG_DAYS * DAY), last


def _deal(rng: Random, active: tuple[int, int], now: int) -> Prospect:
    first, last = active
    begun = first + int((1 - 0.4 * rng.random() ** 2) * (last - first)) + int(waiting(rng, 5) * DAY)
    created = min(begun, now - MINUTE)
    closed = created + int((12 + waiting(rng, 25)) * DAY)
    return Prospect(outcome=pick(rng, _OUTCOMES) if closed <= now else "open", created=created, closed=closed)
