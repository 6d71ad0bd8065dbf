from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from string import Formatter

import pytest

from sync_worker.model.file.schema import Language
from sync_worker.model.i18n.catalog import PHRASES
from sync_worker.model.i18n.labels import LABELS, Labels

ENGLISH = LABELS["en"]


def iter_texts(labels: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(labels, str):
        yield path, labels
    elif isinstance(labels, dict):
        for key, value in labels.items():
            yield from iter_texts(value, (*path, key))


def label_texts(captions: Labels) -> dict[tuple[str, ...], str]:
    return dict(iter_texts(asdict(captions)))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_rep_texts_and_admin_texts_exist_in_the_same_languages() -> None:
    assert LABELS.keys() == PHRASES.keys()


@pytest.mark.parametrize("language", LABELS)
def test_every_language_has_the_same_texts_with_the_same_placeholders(language: Language) -> None:
    said = label_texts(LABELS[language])
    assert {path: placeholders(text) for path, text in said.items()} == {
        path: placeholders(text) for path, text in label_texts(ENGLISH).items()
    }
    assert all(text.strip() == text != "" for text in said.values())


@pytest.mark.parametrize("language", [language for language in LABELS if language != "en"])
def test_no_description_is_left_in_english(language: Language) -> None:
    mine, english = LABELS[language].properties, ENGLISH.properties
    assert all(mine[name].description != english[name].description and mine[name].label != english[name].label for name in english)


@pytest.mark.parametrize("language", LABELS)
def test_labels_occur_once_in_each_language(language: Language) -> None:
    labels = [caption.label for caption in LABELS[language].properties.values()]
    assert len(set(labels)) == len(labels) == 8
