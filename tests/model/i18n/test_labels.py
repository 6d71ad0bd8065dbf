from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from string import Formatter

import pytest

from sync_worker.model.file.schema import Language
from sync_worker.model.i18n.catalog import PHRASES
from sync_worker.model.i18n.labels import LABELS, Labels

ENGLISH = LABELS["en"]


def texts(said: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(said, str):
        yield path, said
    elif isinstance(said, dict):
        for key, value in said.items():
            yield from texts(value, (*path, key))


def told(captions: Labels) -> dict[tuple[str, ...], str]:
    return dict(texts(asdict(captions)))


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_what_reps_read_and_what_admins_read_is_there_in_the_same_languages() -> None:
    assert LABELS.keys() == PHRASES.keys()


@pytest.mark.parametrize("language", LABELS)
def test_every_language_says_the_same_with_the_same_places(language: Language) -> None:
    said = told(LABELS[language])
    assert {path: places(text) for path, text in said.items()} == {path: places(text) for path, text in told(ENGLISH).items()}
    assert all(text.strip() == text != "" for text in said.values())


@pytest.mark.parametrize("language", [language for language in LABELS if language != "en"])
def test_no_description_is_left_in_english(language: Language) -> None:
    mine, english = LABELS[language].properties, ENGLISH.properties
    assert all(mine[name].description != english[name].description and mine[name].label != english[name].label for name in english)


@pytest.mark.parametrize("language", LABELS)
def test_labels_occur_once_in_each_language(language: Language) -> None:
    labels = [caption.label for caption in LABELS[language].properties.values()]
    assert len(set(labels)) == len(labels) == 8
