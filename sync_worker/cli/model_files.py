"""The model files of a command that compares models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sync_worker.errors import ConfigurationError
from sync_worker.model.compiled.loader import load
from sync_worker.model.compiled.model import Model


def load_models(files: Sequence[Path]) -> dict[str, Model]:
    """Return the models by the name that is shown: the name of the file, or its path if another file has the same name.

    Raises ModelError, and ConfigurationError if two files contain the same model.
    """
    models: dict[str, Model] = {}
    first: dict[str, Path] = {}
    for file in files:
        model = load(file)
        if model.hash in first:
            other = first[model.hash]
            same = f"{other} and {file} contain the same model" if other.resolve() != file.resolve() else f"{file} is given twice"
            raise ConfigurationError(f"--model: {same} ({model.hash}).", hint="Give each model once.")
        first[model.hash] = file
        models[_name(file, files)] = model
    return models


def _name(file: Path, files: Sequence[Path]) -> str:
    return file.stem if sum(each.stem == file.stem for each in files) == 1 else str(file)
