"""The companies of a made-up portal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, log
from random import Random
from typing import Final, Literal

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.countries import COUNTRIES, Country
from sync_worker.sandbox.generator.industries import INDUSTRIES, Industry
from sync_worker.sandbox.generator.seeded_random import between, pick, shares
from sync_worker.sandbox.generator.timestamps import DAY, iso

Scanner = Literal["none", "fast", "burst", "crawler", "flagged"]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_HEADS: Final = _words(
    "Al Am Ar Bal Bel Bor Bran Cal Car Cor Dal Del Dor Dun El Em Er Fal Fen Fer Gal Gar Gil Gol Hal Har Hel Il In Is Jar Jor Kal Kel Kor "
    "Lan Lor Lum Mar Mel Mor Nal Nor Nov Ol Or Os Pal Per Pol Ral Ren Ros Sal Sel Sol Tal Tor Val Ver"
)
_MIDDLES: Final = _words(
    "a e i o u ada ale ami ane ari asa ata ave edi ela emi ena era eso eta eva ibe ida ila ima ine iro isa ita iva oba oda ole oma one ora "
    "osi ota ova ube uda ula uma una ura usa uta uva yla yra"
)
_TAILS: Final = _words(
    "bis cera con cor dan data dex dia dor dyn fact fera fin flex form gate gen gon grid kon land lex lia line lite log lon lux mar mat "
    "max med mer net nex nia nis nova pha plan plex pro qua ria ron sel sis soft sol stad tec ter tis ton tra tron vent via vis"
)
_NAMES: Final = len(_HEADS) * len(_MIDDLES) * len(_TAILS)
_STRIDE: Final = 7919  # a prime: neighbours get names that are far apart, and no name comes twice before all were used

_TECHNOLOGIES: Final = _words("Salesforce HubSpot SAP Shopify WordPress Google_Analytics Microsoft_365 Zendesk Slack Marketo Stripe")
_SCANNERS: Final[tuple[Scanner, ...]] = shares([("none", 88), ("fast", 4), ("burst", 3), ("crawler", 3), ("flagged", 2)])
_LEAST_MS: Final = 30 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A company; its mail server may have a scanner that clicks links."""

    id: int
    name: str
    domain: str
    country: Country
    city: str
    industry: Industry
    employees: int
    revenue: int  # a year, in the portal's currency
    technologies: str
    created: int
    scanner: Scanner
    fit: float  # 0..1

    def row(self) -> Row:
        """Return the company as HubSpot shows it."""
        created = iso(self.created)
        properties = {
            "name": self.name,
            "domain": self.domain,
            "website": f"https://www.{self.domain}",
            "industry": self.industry.value,
            "numberofemployees": str(self.employees),
            "annualrevenue": str(self.revenue),
            "city": self.city,
            "country": self.country.spellings[0],
            "web_technologies": self.technologies,
            "createdate": created,
            "hs_lastmodifieddate": created,
        }
        return {"id": str(self.id), "properties": properties, "createdAt": created, "updatedAt": created, "archived": False}


def companies(rng: Random, *, first: int, count: int, before: int) -> Iterator[Company]:
    """Yield the companies with the numbers from `first` on; they were known before the moment `before`."""
    for number in range(first, first + count):
        country, industry = pick(rng, COUNTRIES), pick(rng, INDUSTRIES)
        brand = _brand(number)
        employees = 2 + int(exp(rng.gauss(4.4, 1.7)))
        yield Company(
            id=9_000_000_000 + 17 * number,
            name=_name(brand, country, industry, rng),
            domain=f"{brand.lower()}.example",
            country=country,
            city=pick(rng, country.cities),
            industry=industry,
            employees=employees,
            revenue=employees * between(rng, 60, 240) * 1000,
            technologies=";".join(dict.fromkeys(pick(rng, _TECHNOLOGIES) for _ in range(between(rng, 0, 4)))),
            created=before - _LEAST_MS - int(rng.random() * 300 * DAY),
            scanner=pick(rng, _SCANNERS),
            fit=_fit(country, industry, employees),
        )


def _brand(number: int) -> str:
    again, place = divmod(number, _NAMES)
    place, tail = divmod(place * _STRIDE % _NAMES, len(_TAILS))
    head, middle = divmod(place, len(_MIDDLES))
    return _HEADS[head] + _MIDDLES[middle] + _TAILS[tail] + (str(again + 1) if again else "")


def _name(brand: str, country: Country, industry: Industry, rng: Random) -> str:
    word, legal_form = industry.words[country.language], pick(rng, country.legal_forms)
    return f"{brand}{word}{legal_form}" if country.language == "zh" else f"{brand} {word} {legal_form}"


def _fit(country: Country, industry: Industry, employees: int) -> float:
    size = max(0.0, 1.0 - abs(log(employees / 400)) / 6)  # some hundred people are best
    return 0.4 * industry.target + 0.25 * country.home_market + 0.35 * size
