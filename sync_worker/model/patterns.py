"""Patterns of a model file as regular expressions for Polars: URLs, whole texts, phrases."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from sync_worker.model.text import glob_pattern, phrase_pattern, plain

_SCHEME: Final = r"(?:[a-z][a-z0-9+.-]*:)?//"
_ANY_HOST: Final = rf"^(?:{_SCHEME}[^/?#]*)?"
_THIS_HOST: Final = rf"^(?:{_SCHEME})?(?:www\.)?"
_END: Final = r"/?(?:[?#].*)?$"


def any_url(patterns: Iterable[str]) -> str:
    """Return a regular expression for URLs that fit one of the patterns.

    A pattern that starts with `/` or `*` is held against the path, any other against host and path; query and fragment don't
    matter unless the pattern names them. `/careers/*` is everything below /careers, and /careers itself.
    """
    return _any(_url(pattern, wild=True) for pattern in patterns)


def any_url_start(starts: Iterable[str]) -> str:
    """Return a regular expression for URLs whose path (or host and path) starts with one of these texts."""
    return _any(_url(start, wild=False, end="") for start in starts)


def any_exact_url(urls: Iterable[object]) -> str:
    """Return a regular expression for URLs with one of these paths, or hosts and paths."""
    return _any(_url(str(url), wild=False) for url in urls)


def any_glob(patterns: Iterable[str]) -> str:
    """Return a regular expression for plain texts that one of the patterns fits as a whole."""
    return _any(glob_pattern(pattern) for pattern in patterns)


def any_phrase(phrases: Iterable[str]) -> str:
    """Return a regular expression for plain texts in which one of the phrases occurs."""
    return _any(phrase_pattern(phrase) for phrase in phrases)


def any_start(starts: Iterable[str]) -> str:
    """Return a regular expression for plain texts that start with one of these."""
    return _any(f"^{re.escape(plain(start))}" for start in starts)


def any_end(ends: Iterable[str]) -> str:
    """Return a regular expression for plain texts that end with one of these."""
    return _any(f"{re.escape(plain(end))}$" for end in ends)


def any_option(options: Iterable[str]) -> str:
    """Return a regular expression for HubSpot's lists of options (`a;b`) that hold one of these."""
    return _any(f"(?:^|;) ?{re.escape(plain(option))} ?(?:;|$)" for option in options)


def query_parameter(names: Iterable[str]) -> str:
    """Return a regular expression for URLs that give one of these parameters a value."""
    return rf"(?i)[?&](?:{'|'.join(re.escape(name) for name in names)})=[^&#]"


def _url(pattern: str, *, wild: bool, end: str = _END) -> str:
    asked = pattern.strip().lower()
    if not asked.startswith(("/", "*")):
        asked = re.sub(rf"^{_SCHEME}", "", asked).removeprefix("www.")
        host = _THIS_HOST
    else:
        host = _ANY_HOST
    if not wild:
        return f"{host}{re.escape(asked.rstrip('/') if end else asked)}{end}"
    below = asked.endswith("/*")
    parts = asked.removesuffix("/*" if below else "/").split("*")
    anything = ".*" if "?" in asked else "[^?#]*"
    inner = anything.join(re.escape(part) for part in parts)
    return f"{host}{inner}{f'(?:/{anything})?' if below else ''}{end}"


def _any(patterns: Iterable[str]) -> str:
    return f"(?i)(?:{'|'.join(patterns)})"
