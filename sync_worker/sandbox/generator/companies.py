"""Companies of a generated portal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, log
from random import Random
from typing import Final, Literal

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.seeded_random import draw_int, expand_weights, pick
from sync_worker.sandbox.generator.timestamps import DAY_MS, format_iso
from sync_worker.sandbox.generator.vocabulary.countries import WEIGHTED_COUNTRIES, Country
from sync_worker.sandbox.generator.vocabulary.industries import WEIGHTED_INDUSTRIES, Industry

ScannerType = Literal["none", "fast", "burst", "crawler", "flagged"]


def _split_words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_NAME_HEADS: Final = _split_words(
    "Al Am Ar Bal Bel Bor Bran Cal Car Cor Dal Del Dor Dun El Em Er Fal Fen Fer Gal Gar Gil Gol Hal Har Hel Il In Is Jar Jor Kal Kel Kor "
    "Lan Lor Lum Mar Mel Mor Nal Nor Nov Ol Or Os Pal Per Pol Ral Ren Ros Sal Sel Sol Tal Tor Val Ver"
)
_NAME_MIDDLES: Final = _split_words(
    "a e i o u ada ale ami ane ari asa ata ave edi ela emi ena era eso eta eva ibe ida ila ima ine iro isa ita iva oba oda ole oma one ora "
    "osi ota ova ube uda ula uma una ura usa uta uva yla yra"
)
_NAME_TAILS: Final = _split_words(
    "bis cera con cor dan data dex dia dor dyn fact fera fin flex form gate gen gon grid kon land lex lia line lite log lon lux mar mat "
    "max med mer net nex nia nis nova pha plan plex pro qua ria ron sel sis soft sol stad tec ter tis ton tra tron vent via vis"
)
_NAME_COUNT: Final = len(_NAME_HEADS) * len(_NAME_MIDDLES) * len(_NAME_TAILS)
_NAME_STRIDE: Final = 7919  # a prime: consecutive numbers get different names, and no name repeats before all are used

_TECHNOLOGIES: Final = _split_words("Salesforce HubSpot SAP Shopify WordPress Google_Analytics Microsoft_365 Zendesk Slack Marketo Stripe")
_SCANNERS: Final[tuple[ScannerType, ...]] = expand_weights([("none", 88), ("fast", 4), ("burst", 3), ("crawler", 3), ("flagged", 2)])
_MIN_AGE_MS: Final = 30 * DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A company; its mail server may have a security scanner that clicks links."""

    id: int
    name: str
    domain: str
    country: Country
    city: str
    industry: Industry
    employees: int
    revenue: int  # per year, in the portal's currency
    technologies: str
    created_at: int
    scanner: ScannerType
    fit: float  # 0..1

    def to_row(self) -> Row:
        """Return the company in HubSpot's JSON."""
        created = format_iso(self.created_at)
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


def generate_companies(rng: Random, *, first_number: int, count: int, created_before: int) -> Iterator[Company]:
    """Yield `count` companies, numbered from `first_number`; all are created before `created_before` (epoch milliseconds)."""
    for number in range(first_number, first_number + count):
        country, industry = pick(rng, WEIGHTED_COUNTRIES), pick(rng, WEIGHTED_INDUSTRIES)
        brand = _brand_name(number)
        employees = 2 + int(exp(rng.gauss(4.4, 1.7)))
        yield Company(
            id=9_000_000_000 + 17 * number,
            name=_company_name(brand, country, industry, rng),
            domain=f"{brand.lower()}.example",
            country=country,
            city=pick(rng, country.cities),
            industry=industry,
            employees=employees,
            revenue=employees * draw_int(rng, 60, 240) * 1000,
            technologies=";".join(dict.fromkeys(pick(rng, _TECHNOLOGIES) for _ in range(draw_int(rng, 0, 4)))),
            created_at=created_before - _MIN_AGE_MS - int(rng.random() * 300 * DAY_MS),
            scanner=pick(rng, _SCANNERS),
            fit=_fit_score(country, industry, employees),
        )


def _brand_name(number: int) -> str:
    suffix, index = divmod(number, _NAME_COUNT)
    index, tail = divmod(index * _NAME_STRIDE % _NAME_COUNT, len(_NAME_TAILS))
    head, middle = divmod(index, len(_NAME_MIDDLES))
    return _NAME_HEADS[head] + _NAME_MIDDLES[middle] + _NAME_TAILS[tail] + (str(suffix + 1) if suffix else "")


def _company_name(brand: str, country: Country, industry: Industry, rng: Random) -> str:
    word, legal_form = industry.name_words[country.language], pick(rng, country.legal_forms)
    return f"{brand}{word}{legal_form}" if country.language == "zh" else f"{brand} {word} {legal_form}"


def _fit_score(country: Country, industry: Industry, employees: int) -> float:
    size = max(0.0, 1.0 - abs(log(employees / 400)) / 6)  # best at 400 employees
    return 0.4 * industry.market_fit + 0.25 * country.market_fit + 0.35 * size
