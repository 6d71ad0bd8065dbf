"""The command `init`: copies the example configuration of the package into a folder."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from sync_worker.errors import ConfigurationError

#: In the folder, as in the repository, all files are below `config`.
TARGET: Final = Path("config")
SETTINGS_FILES: Final = ("worker.yaml", "example.env", "model.schema.json")


def find_examples() -> Traversable:
    """Return the folder of the example configuration: in an installed package it is part of the package, in a checkout it is `config`."""
    packaged = files("sync_worker") / "examples"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "config"


def list_models() -> dict[str, Traversable]:
    """Return the models of the package by name."""
    examples = find_examples()
    presets = sorted((file for file in (examples / "presets").iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    return {"default": examples / "model.yaml", **{file.name.removesuffix(".yaml"): file for file in presets}}


def write_configuration(folder: Path, model: str) -> dict[Path, bool]:
    """Write model, presets and settings files below a folder. Return each path, and whether it was written; existing files are kept.

    Raises ConfigurationError for an unknown model, or if the folder cannot be written.
    """
    models = list_models()
    if model not in models:
        raise ConfigurationError(f"--model {model}: the package has no such model.", hint=f"Choose one of {', '.join(models)}.")
    sources = {TARGET / "model.yaml": models[model]}
    sources |= {TARGET / "presets" / f"{name}.yaml": source for name, source in models.items() if name != "default"}
    sources |= {TARGET / name: find_examples() / name for name in SETTINGS_FILES}
    try:
        return {path: _copy_new(source, folder / path) for path, source in sources.items()}
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be written: {error.strerror}.", hint="Choose another folder.") from error


def _copy_new(source: Traversable, target: Path) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    content = source.read_bytes()
    if target.name == "model.yaml":  # presets are one folder deeper than their copy
        content = content.replace(b"$schema=../model.schema.json", b"$schema=model.schema.json", 1)
    try:
        with target.open("xb") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True
