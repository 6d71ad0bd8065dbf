"""Translation files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from sync_worker.errors import ExitCode, ModelError
from sync_worker.model import i18n
from sync_worker.model.file.schema import Language
from sync_worker.model.file.yaml_source import YamlData, parse_yaml
from sync_worker.model.i18n.translations import LANGUAGES, load_translation, parse_translation

FOLDER = Path(str(resources.files(i18n)))
ENGLISH = (FOLDER / "en.yaml").read_text("utf-8")


def iter_texts(data: YamlData, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from iter_texts(value, (*path, key))
    else:
        yield path, str(data)


def texts_of(language: Language) -> dict[tuple[str | int, ...], str]:
    return dict(iter_texts(parse_yaml((FOLDER / f"{language}.yaml").read_text("utf-8")).data))


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{.*?\}", text))


def test_each_language_has_a_file_and_each_file_a_language() -> None:
    assert {file.stem for file in FOLDER.glob("*.yaml")} - {"model_labels"} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_every_key_with_the_same_placeholders(language: Language) -> None:
    assert {path: placeholders(text) for path, text in texts_of(language).items()} == {
        path: placeholders(text) for path, text in texts_of("en").items()
    }


def test_only_the_requested_language_is_loaded_and_only_once() -> None:
    load_translation.cache_clear()
    assert load_translation("fr") is load_translation("fr")
    assert load_translation.cache_info().currsize == 1


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_no_sentence_is_left_in_english(language: Language) -> None:
    english = {path: text for path, text in texts_of("en").items() if len(re.findall(r"\w+", text)) > 2 and "{day}" not in text}
    assert english
    assert [path for path, text in texts_of(language).items() if text == english.get(path)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_occur_once_in_each_language(language: Language) -> None:
    labels = [text for path, text in texts_of(language).items() if path[-1] == "label"]
    assert len(set(labels)) == len(labels) == 13


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  no_reasons:", "  no_reason:", "phrases.no_reasons: this key is missing"),
        ("  no_reasons:", "  no_reason:", "phrases.no_reason: unknown key"),
        ("    webinar:", "    webinars:", "phrases.events: the key webinar is missing"),
        (
            "    webinar:",
            '    lunch: {one: "a", several: "{count}"}\n    webinar:',
            "phrases.events: unknown key lunch; expected download",
        ),
        ("attended {count} webinars", "webinars", "phrases.events.webinar.several: the placeholder {count} is missing in 'webinars'"),
        ("{count} views of {different} pages", "{count} views", "phrases.subject_events.page_view.several: the placeholder {different}"),
        ("attended {count} webinars", "{count} {count}", "phrases.events.webinar.several: unexpected placeholder {count}"),
        ("viewed a page", "viewed {number} page", "phrases.subject_events.page_view.one: unexpected placeholder {number}"),
        ("viewed a page", "{a} page {b}", "phrases.subject_events.page_view.one: unexpected placeholder {a} in '{a} page {b}'"),
        ("{day} {month} {year}", "{day} {month}, {year", "phrases.day_of_year: the placeholder {year} is missing"),
        ("viewed a page", "viewed a page}", "phrases.subject_events.page_view.one: expected a text without single braces"),
        ("viewed a page", " ", "phrases.subject_events.page_view.one: expected a text"),
        ('"viewed a page"', "3", "phrases.subject_events.page_view.one: Input should be a valid string"),
        (', "Dec"]', "]", "phrases.months: Tuple should have at least 12 items"),
        ('falling: "Falling"', 'fading: "Falling"', "labels.trends: the key falling is missing"),
        ("0 to {maximum}", "0 to", "labels.properties.score.description: the placeholder {maximum} is missing"),
        ("labels:\n", "labels:\nphrases:\n", "phrases: duplicate key"),
        ("labels:\n", "label:\n", "labels: this key is missing"),
    ],
)
def test_a_broken_file_is_refused_with_file_line_and_key(old: str, new: str, message: str) -> None:
    assert old in ENGLISH
    broken = ENGLISH.replace(old, new, 1)
    with pytest.raises(ModelError) as caught:
        parse_translation(broken, "de.yaml")
    assert caught.value.exit_code == ExitCode.USAGE
    lines = [line for line in caught.value.message.splitlines() if re.sub(r"^de\.yaml:\d+:\d+: ", "", line).startswith(message)]
    assert lines, caught.value.message


def test_the_line_of_a_mistake_is_reported() -> None:
    line = ENGLISH[: ENGLISH.index("viewed a page")].count("\n") + 1
    with pytest.raises(ModelError, match=rf"^de\.yaml:{line}:\d+: phrases\.subject_events\.page_view\.one: "):
        parse_translation(ENGLISH.replace("viewed a page", "viewed a page {"), "de.yaml")
