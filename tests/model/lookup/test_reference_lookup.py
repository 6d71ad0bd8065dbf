"""Countries, job titles and domains agree with the reference on random texts."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.model.compiled.loader import loads
from sync_worker.model.file.schema import Document
from sync_worker.model.lookup.countries import country_code
from sync_worker.model.lookup.domains import DEFAULT_DOMAIN_LISTS, compile_domain_lists, match_domains
from sync_worker.model.lookup.job_titles import SENIORITY_LEVELS, seniority
from tests.model import reference_lookup as words
from tests.model.reference import normalize_text
from tests.model.strategies import ADDRESSES, COUNTRIES, titles

MODEL = """
name: words
domains:
  academic: {except: [alumni.harvard.edu], add: [tum.de]}
  rivals: {add: [acme.example, co.*, .gmail.com], except: [mail.gmail.com]}
score: {criteria: {a: {event: email_click, points: 1}}, bands: [{name: low, from: 0}]}
qualification: {threshold: 1}
"""
LABELS = [
    "gmail",
    "mailinator",
    "acme",
    "mail",
    "www",
    "alumni",
    "harvard",
    "ac",
    "edu",
    "com",
    "co",
    "uk",
    "example",
    "de",
    "tum",
    "stud",
    "gov",
    "",
]


@pytest.fixture(scope="module")
def document() -> Document:
    return loads(MODEL, "model.yaml").document


@given(title=titles())
def test_a_title_has_the_rank_of_the_reference(title: str) -> None:
    found = seniority(title)
    assert (found is None, None if found is None else SENIORITY_LEVELS[found]) == (
        words.seniority_rank(title, normalize_text) is None,
        None if found is None else words.LEVELS[words.seniority_rank(title, normalize_text) or 0],
    )


@pytest.mark.parametrize("text", [text for text in COUNTRIES if text is not None])
def test_a_text_has_the_country_of_the_reference(text: str) -> None:
    assert country_code(text) == words.country_code(text, normalize_text)


def host_texts() -> st.SearchStrategy[str]:
    """Texts similar to hosts, email addresses and URLs."""
    host = st.lists(st.sampled_from(LABELS), min_size=1, max_size=5).map(".".join)
    frames = ["{}", "ann@{}", "Ann@{} ", "https://{}/team", "{}/x?y@z.com", "//{}", "http://u@{}:8080", "{}.", "a@b@{}"]
    return st.builds(lambda frame, name: frame.format(name), st.sampled_from(frames), host)


@given(texts=st.lists(host_texts() | st.sampled_from([text for text in ADDRESSES if text]), min_size=1, max_size=20))
def test_a_domain_is_in_the_lists_of_the_reference(document: Document, texts: list[str]) -> None:
    lists = compile_domain_lists(document.domains, [*DEFAULT_DOMAIN_LISTS, "rivals"])
    for name, found in zip(lists, match_domains(pl.Series(texts), lists.values()), strict=True):
        assert list(zip(texts, found, strict=True)) == [(text, words.is_listed(text, [name], document)) for text in texts]
