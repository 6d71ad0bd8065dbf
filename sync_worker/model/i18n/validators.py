"""Checks of translated texts: placeholders and keys."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final

from pydantic import AfterValidator

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


def placeholders(*names: str) -> AfterValidator:
    """Return a check for texts that contain each of these placeholders once, such as `{count}`, and no other."""
    expected = Counter(names)

    def check(text: str) -> str:
        found = Counter(_PLACEHOLDER.findall(text))
        if missing := [*(expected - found)]:
            raise ValueError(f"the placeholder {{{missing[0]}}} is missing in {text!r}")
        if unknown := [*(found - expected)]:
            raise ValueError(f"unexpected placeholder {{{unknown[0]}}} in {text!r}")
        if not text.strip() or set("{}") & set(_PLACEHOLDER.sub("", text)):
            raise ValueError(f"expected a text without single braces, not {text!r}")
        return text

    return AfterValidator(check)


def exact_keys(names: Collection[str]) -> AfterValidator:
    """Return a check for mappings with exactly these keys, in any order."""

    def check(texts: Mapping[str, object]) -> Mapping[str, object]:
        if missing := [name for name in names if name not in texts]:
            raise ValueError(f"the key {missing[0]} is missing")
        if unknown := [name for name in texts if name not in names]:
            raise ValueError(f"unknown key {unknown[0]}; expected {', '.join(names)}")
        return {name: texts[name] for name in names}

    return AfterValidator(check)
