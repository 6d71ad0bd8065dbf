"""Security scanners: machines that click every link before anybody reads the e-mail."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from sync_worker.sandbox.generator.companies import Scanner
from sync_worker.sandbox.generator.seeded_random import between, pick
from sync_worker.sandbox.generator.timestamps import MINUTE, SECOND
from sync_worker.sandbox.generator.website import SITE

_LINKS: Final = ("/product", "/pricing", "/webinars/next", "/customers", "/resources/guide-to-lead-scoring.pdf")
_BROWSER: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 Safari/537.36"
_CRAWLERS: Final = (
    "Mozilla/5.0 (compatible; BarracudaSentinel/2.0)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mimecast URL Protect Bot/1.0",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """A click on a link of an e-mail, at epoch milliseconds; `flagged` ones HubSpot itself takes for a machine's."""

    at: int
    url: str
    agent: str
    flagged: bool = False


def scanned(scanner: Scanner, sent: int, campaign: str, rng: Random, now: int) -> list[Click]:
    """Return the clicks of a scanner on an e-mail: within two seconds, all at once, as a crawler, or known to HubSpot."""
    if scanner == "none":
        return []
    links = _LINKS if scanner == "burst" else _LINKS[: between(rng, 1, 3)]
    start, step = _pace(scanner, sent, rng)
    agent = pick(rng, _CRAWLERS) if scanner == "crawler" else _BROWSER
    return [
        Click(
            at=min(start + step * i, now),
            url=f"{SITE}{link}?utm_campaign={campaign}&utm_medium=email",
            agent=agent,
            flagged=scanner == "flagged",
        )
        for i, link in enumerate(links)
    ]


def _pace(scanner: Scanner, sent: int, rng: Random) -> tuple[int, int]:
    if scanner == "fast":
        return sent + between(rng, 300, 1400), 250
    return sent + between(rng, 6, 90) * SECOND, 150 if scanner == "burst" else MINUTE
