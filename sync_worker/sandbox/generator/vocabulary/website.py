"""Website pages of a generated portal and their weights by kind of visitor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sync_worker.sandbox.generator.seeded_random import expand_weights

SITE_URL: Final = "https://www.example.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPage:
    """A page with its path (including a query) and title."""

    path: str
    title: str


PageWeights = tuple[WebPage, ...]  # pages, repeated by weight

_PAGE_TABLE: Final = """
/                                        Home
/product                                 Product
/product/integrations                    Integrations
/pricing                                 Pricing
/customers                               Customer stories
/docs/getting-started                    Getting started
/docs/api                                API reference
/blog/what-is-a-good-lead                What is a good lead?
/blog/scoring-without-guessing           Scoring without guessing
/blog/letters-and-numbers                Letters and numbers
/resources/guide-to-lead-scoring.pdf     Guide to lead scoring (PDF)
/resources/price-list.pdf                Price list (PDF)
/search?q=crm+integration                Search: crm integration
/search?q=pricing+per+seat               Search: pricing per seat
/search?q=thesis+lead+scoring            Search: thesis lead scoring
/careers                                 Careers
/careers/software-engineer               Careers: software engineer
/press                                   Press
"""
PAGES: Final[Mapping[str, WebPage]] = {
    path: WebPage(path=path, title=title) for path, title in (line.split(maxsplit=1) for line in _PAGE_TABLE.strip().splitlines())
}


def _parse_page_weights(weights: str) -> PageWeights:
    return expand_weights([(page, float(weight)) for page, weight in zip(PAGES.values(), weights.split(), strict=True)])


# Weights of the pages by kind of visitor, in the order of the table above.
#                            /   ~ int  $$ cus doc api  b1  b2  b3 pdf pdf  q1  q2  q3 job eng press
BUYER_PAGES: Final = _parse_page_weights("     22  14   8  12   8   6   4   7   7   5   5   3   3   2   0   1   1   2")
PRIVATE_PAGES: Final = _parse_page_weights("   20   8   4   6   4   6   3  10  10   8   6   1   1   1   0   3   1   2")
STUDENT_PAGES: Final = _parse_page_weights("   12   3   1   1   3  12   8  14  14  10  12   0   0   0   6   3   2   1")
COMPETITOR_PAGES: Final = _parse_page_weights("10  22  14  20   8   4   6   2   2   1   2   6   0   2   0   1   1   3")
JOB_SEEKER_PAGES: Final = _parse_page_weights("15   5   0   0   5   1   1   4   3   2   0   0   0   0   0  34  28   6")
