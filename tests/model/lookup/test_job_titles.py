"""A table of job titles in seven languages, by kind. A change of the vocabulary keeps every title right."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

import pytest

from sync_worker.errors import ModelError
from sync_worker.model.lookup.job_titles import SENIORITY_LEVELS, explain_seniority, seniority
from sync_worker.model.lookup.job_titles.vocabulary import LANGUAGES, parse_language

TABLE: Final = Path(__file__).with_name("job_titles.txt")


def read_table() -> Iterator[tuple[str, str, str]]:
    """Yield kind, level and title."""
    for line in TABLE.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        key, _, titles = line.partition(": ")
        kind, level = key.split()
        yield from ((kind, level, title) for title in titles.split("; "))


def name_level(title: str) -> str:
    found = seniority(title)
    return "None" if found is None else SENIORITY_LEVELS[found]


@pytest.mark.parametrize(("kind", "level"), sorted({(kind, level) for kind, level, _ in read_table()}))
def test_the_titles_of_the_table_have_their_level(kind: str, level: str) -> None:
    titles = [title for *row, title in read_table() if row == [kind, level]]
    assert titles
    assert {title: found for title in titles if (found := name_level(title)) != level} == {}


@pytest.mark.parametrize(
    ("title", "explanation"),
    [
        ("Head of Sales", ("director", "head")),
        ("Vorstandsassistentin", ("employee", "*assistentin")),
        ("Former CEO", ("employee", "former")),
        ("Buyer", ("employee", "")),
        ("x" * 29 + "assistentin", ("employee", "*assistentin")),
        ("x" * 30 + "assistentin", ("employee", "")),  # longer than the longest word
        ("Mitglied der Jury für den CEO", ("employee", "")),
    ],
)
def test_the_phrase_that_decides_is_known(title: str, explanation: tuple[str, str]) -> None:
    found = explain_seniority(title)
    assert found is not None
    assert (SENIORITY_LEVELS[found[0]], found[1]) == explanation


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("head: last\noffices: {c_levle: [ceo]}", "xx.yaml:2:11: offices.c_levle"),
        ("head: last\ntopics: [services, null]", "xx.yaml:2:20: topics"),
        ("head: last\nassistents: [pa]", "xx.yaml:2:1: assistents"),
        ("topics: [services]", "xx.yaml"),
        ("head: [", "xx.yaml"),
    ],
)
def test_an_error_in_a_language_file_names_file_line_and_key(text: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_language(text, "xx.yaml")
    assert message in str(caught.value)


def test_every_file_is_read() -> None:
    files = resources.files("sync_worker.model.lookup.job_titles").iterdir()
    assert {file.name for file in files if file.name.endswith(".yaml")} == {f"{language}.yaml" for language in LANGUAGES}


@pytest.mark.parametrize("title", ["a" * 100_000, "head of " * 10_000, "总" * 50_000, "a." * 50_000, "(" * 50_000, "éa-" * 30_000])
def test_a_long_text_takes_no_longer_than_a_title(title: str) -> None:
    start = time.process_time()
    explain_seniority(title)
    assert time.process_time() - start < 1
