"""Labels in the language of the model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_worker.model.compiled.loader import load, loads
from sync_worker.model.file.schema import CRITERION_GROUPS, Language
from sync_worker.model.i18n.model_labels import display_label, load_model_labels
from sync_worker.model.i18n.translations import LANGUAGES
from tests.model.factories import evaluate_contact, make_event

CONFIG = Path(__file__).parents[3] / "config"
MODELS = [CONFIG / "model.yaml", *sorted((CONFIG / "presets").glob("*.yaml"))]
OTHER_LANGUAGES = [language for language in LANGUAGES if language != "en"]


def english_labels(path: Path) -> Iterator[str]:
    document = load(path).document
    for group in CRITERION_GROUPS:
        yield from (str(member.label or key.replace("_", " ")) for key, member in document.members(group).items())
    yield from (band.name.replace("_", " ") for band in document.score.bands if band.name != "mql")


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_label_of_a_shipped_model_is_translated_into_every_language(path: Path) -> None:
    labels = load_model_labels()
    assert {label for label in english_labels(path) if labels.get(label, {}).keys() != set(OTHER_LANGUAGES)} == set()
    assert all(("{count}" in text) == ("{count}" in label) for label, texts in labels.items() for text in texts.values())


@pytest.mark.parametrize(
    ("label", "shown"),
    [("projects created: {count}", "projects created"), ("clicked {count} times", "clicked … times"), ("访问次数：{count}", "访问次数")],
)
def test_a_label_without_a_number_of_events_has_no_placeholder(label: str, shown: str) -> None:
    assert display_label("key", label, "en") == shown


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_shipped_model_has_no_warning_in_any_language(path: Path, language: Language) -> None:
    other_lines = re.sub(r"(?m)^language:.*\n", "", path.read_text(encoding="utf-8"))
    model = loads(f"language: {language}\n{other_lines}", path.name)
    assert (model.document.language, model.warnings) == (language, ())


LABELED = """
name: Labels
language: {language}
score:
  criteria: {{clicks: {{label: {label}, event: email_click, points: 5}}}}
  bands: [{{name: low, from: 0}}]
qualification: {{threshold: 5}}
"""


@pytest.mark.parametrize(
    ("language", "label", "reason"),
    [
        ("de", "{en: clicked, de: hat geklickt}", "+5 hat geklickt, am 19. Nov."),
        ("fr", "{en: clicked, de: hat geklickt}", "+5 clicked, le 19 nov."),
        ("fr", "{de: hat geklickt}", "+5 hat geklickt, le 19 nov."),
        ("es", "works for a competitor", "+5 trabaja para la competencia, el 19 nov"),
        ("de", "my own words", "+5 my own words, am 19. Nov."),
        ("en", "my own words", "+5 my own words, on 19 Nov"),
    ],
)
def test_a_label_has_a_text_for_each_language(language: str, label: str, reason: str) -> None:
    model = loads(LABELED.format(language=language, label=label), "model.yaml")
    assert evaluate_contact(model, None, make_event())["score_reasons"] == reason


def test_a_label_without_a_text_in_the_language_of_the_model_is_a_warning() -> None:
    model = loads(LABELED.format(language="de", label="my own words"), "model.yaml")
    assert model.warnings == (
        "model.yaml:5:23: score.criteria.clicks.label: no text in the language de: sales reps read 'my own words'; write {de: ...}",
    )


def test_a_sign_that_whole_letters_do_not_show_is_a_warning() -> None:
    text = f"{LABELED.format(language='en', label='a')}grade: {{letters: whole}}\n".replace(
        "threshold: 5", "threshold: 5, grade_at_least: C+"
    )
    assert any("C+ counts as C" in warning for warning in loads(text, "model.yaml").warnings)
