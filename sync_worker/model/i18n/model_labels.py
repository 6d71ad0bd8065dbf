"""Labels of criteria and rules in the language of the model.

A label in the model file is a text, or a text for each language. `model_labels.yaml` translates the labels of the models that are part of
the package; to translate a new one, add it there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

from pydantic import TypeAdapter

from sync_worker.model.file.schema import Label, Language
from sync_worker.model.file.yaml_source import parse_yaml

SOURCE_LANGUAGE: Final = "en"  # of labels without a language


def translate_label(label: Label, language: Language) -> str | None:
    """Return a label in a language, or None if it has no text for it."""
    if not isinstance(label, str):
        return label.get(language)
    return label if language == SOURCE_LANGUAGE else load_model_labels().get(label, {}).get(language)


def resolve_label(label: Label, language: Language) -> str:
    """Return a label in a language; without a translation, its English text or the first one."""
    if (text := translate_label(label, language)) is not None:
        return text
    return label if isinstance(label, str) else label.get(SOURCE_LANGUAGE) or next(iter(label.values()))


def display_label(key: str, custom_label: Label | None, language: Language) -> str:
    """Return the label of a criterion, or its key as words; without the number of events where the label has one."""
    text = resolve_label(custom_label or key.replace("_", " "), language)
    return re.sub(r"\s*[:：]\s*\{count\}$", "", text).replace("{count}", "…")


@cache
def load_model_labels() -> Mapping[str, Mapping[Language, str]]:
    """Return the translations of the package by English label."""
    text = resources.files(__package__).joinpath("model_labels.yaml").read_text("utf-8")
    return TypeAdapter(dict[str, dict[Language, str]]).validate_python(parse_yaml(text).data)
