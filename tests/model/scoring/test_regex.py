from __future__ import annotations

import re

import pytest

from sync_worker.model.scoring.regex import any_exact_url, any_url_start


@pytest.mark.parametrize(
    ("url", "visited", "matches"),
    [
        ("/a*b", "https://example.com/a*b", True),
        ("/a*b", "https://example.com/aab", False),
        ("/pricing/", "https://example.com/pricing", True),
        ("/pricing", "https://example.com/pricing/", True),
        ("/pricing", "https://example.com/pricing-old", False),
    ],
)
def test_an_exact_url_has_no_wildcards_and_its_last_slash_does_not_count(url: str, visited: str, *, matches: bool) -> None:
    assert bool(re.search(any_exact_url([url]), visited)) is matches


@pytest.mark.parametrize(("visited", "matches"), [("https://example.com/docs/start", True), ("https://example.com/docs-old", False)])
def test_the_last_slash_of_the_start_of_a_url_counts(visited: str, *, matches: bool) -> None:
    assert bool(re.search(any_url_start(["/docs/"]), visited)) is matches
