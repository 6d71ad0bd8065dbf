"""Data files of the lookups; the first lines of each file explain its format."""

from __future__ import annotations

from importlib import resources


def read_data(file: str) -> str:
    """Return the text of a data file."""
    return resources.files(__package__).joinpath(file).read_text("utf-8")
