"""Texts by language: loads and checks the translation files `<language>.yaml`.

To add a language, add its file to this folder, its texts to `model_labels.yaml` and its code to `Language` in model/file/schema.py. Then
update the JSON Schema: `sync-worker model schema > config/model.schema.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import ClassVar, Final, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from sync_worker.errors import ModelError
from sync_worker.model.file.schema import Language
from sync_worker.model.file.yaml_source import Diagnostic, YamlSource, parse_yaml
from sync_worker.model.i18n.labels import Labels
from sync_worker.model.i18n.person_texts import PersonTexts
from sync_worker.model.i18n.phrases import Phrases

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

_MESSAGES: Final = {"missing": "this key is missing", "unexpected_keyword_argument": "unknown key"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """All texts of one language, as its file has them."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    phrases: Phrases
    labels: Labels
    person: PersonTexts


@cache
def load_translation(language: Language) -> Translation:
    """Return the translation for a language; its file is read at the first call."""
    file = resources.files(__package__).joinpath(f"{language}.yaml")
    return parse_translation(file.read_text("utf-8"), str(file))


def parse_translation(text: str, source: str) -> Translation:
    """Parse a translation file; `source` is its name in messages.

    Raises:
        ModelError: A key is missing or unknown, or a text lacks a placeholder; the message lists every problem with file, line and key.
    """
    read = parse_yaml(text)
    if read.diagnostics:
        raise _build_error(read.diagnostics, source)
    try:
        return _type_adapter().validate_python(read.data)
    except ValidationError as error:
        raise _build_error([_translate_error(details, read) for details in error.errors(include_url=False)], source) from None


@cache
def _type_adapter() -> TypeAdapter[Translation]:
    """Build the validator at the first use, so that the command line starts without it."""
    return TypeAdapter(Translation)


def _translate_error(details: ErrorDetails, yaml_source: YamlSource) -> Diagnostic:
    path = details["loc"]
    message = str(details["ctx"]["error"]) if details["type"] == "value_error" else _MESSAGES.get(details["type"], details["msg"])
    return yaml_source.diagnose(path, message)


def _build_error(diagnostics: list[Diagnostic], source: str) -> ModelError:
    return ModelError("\n".join(found.render(source) for found in diagnostics), hint="\nCorrect this translation file.")
