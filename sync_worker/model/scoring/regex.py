"""Patterns of a model file as regular expressions for Polars: URLs, whole texts, phrases."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from sync_worker.model.lookup.text import glob_pattern, normalize_text, phrase_pattern

_SCHEME: Final = r"(?:[a-z][a-z0-9+.-]*:)?//"
_ANY_HOST: Final = rf"^(?:{_SCHEME}[^/?#]*)?"
_THIS_HOST: Final = rf"^(?:{_SCHEME})?(?:www\.)?"
_URL_END: Final = r"/?(?:[?#].*)?$"


def any_url(patterns: Iterable[object]) -> str:
    """Return a regular expression for URLs that fit one of the patterns.

    A pattern that starts with `/` or `*` is held against the path, any other against host and path; query and fragment don't
    matter unless the pattern names them. `/careers/*` is everything below /careers, and /careers itself.
    """
    return _alternatives(_url_pattern(str(pattern), allow_wildcards=True) for pattern in patterns)


def any_url_start(starts: Iterable[object]) -> str:
    """Return a regular expression for URLs whose path (or host and path) starts with one of these texts."""
    return _alternatives(_url_pattern(str(start), allow_wildcards=False, end="") for start in starts)


def any_exact_url(urls: Iterable[object]) -> str:
    """Return a regular expression for URLs with one of these paths, or hosts and paths."""
    return _alternatives(_url_pattern(str(url), allow_wildcards=False) for url in urls)


def any_glob(patterns: Iterable[object]) -> str:
    """Return a regular expression for plain texts that one of the patterns fits as a whole."""
    return _alternatives(glob_pattern(str(pattern)) for pattern in patterns)


def any_phrase(phrases: Iterable[object]) -> str:
    """Return a regular expression for plain texts in which one of the phrases occurs."""
    return _alternatives(phrase_pattern(str(phrase)) for phrase in phrases)


def any_start(starts: Iterable[object]) -> str:
    """Return a regular expression for plain texts that start with one of these."""
    return _alternatives(f"^{re.escape(normalize_text(str(start)))}" for start in starts)


def any_end(ends: Iterable[object]) -> str:
    """Return a regular expression for plain texts that end with one of these."""
    return _alternatives(f"{re.escape(normalize_text(str(end)))}$" for end in ends)


def any_option(options: Iterable[object]) -> str:
    """Return a regular expression for HubSpot's lists of options (`a;b`) that hold one of these."""
    return _alternatives(f"(?:^|;) ?{re.escape(normalize_text(str(option)))} ?(?:;|$)" for option in options)


def user_regex(regexes: Iterable[object]) -> str:
    """Return a model's own regular expression, without regard to case."""
    return f"(?i){''.join(map(str, regexes))}"


def query_parameter(names: Iterable[object]) -> str:
    """Return a regular expression for URLs that give one of these parameters a value, which is its group."""
    return rf"(?i)[?&](?:{'|'.join(re.escape(str(name)) for name in names)})=([^&#]+)"


def _url_pattern(pattern: str, *, allow_wildcards: bool, end: str = _URL_END) -> str:
    asked = pattern.strip().lower()
    if not asked.startswith(("/", "*")):
        asked = re.sub(rf"^{_SCHEME}", "", asked).removeprefix("www.")
        host = _THIS_HOST
    else:
        host = _ANY_HOST
    if not allow_wildcards:
        return f"{host}{re.escape(asked.rstrip('/') if end else asked)}{end}"
    below = asked.endswith("/*")
    parts = asked.removesuffix("/*" if below else "/").split("*")
    anything = ".*" if "?" in asked else "[^?#]*"
    inner = anything.join(re.escape(part) for part in parts)
    return f"{host}{inner}{f'(?:/{anything})?' if below else ''}{end}"


def _alternatives(patterns: Iterable[str]) -> str:
    return f"(?i)(?:{'|'.join(patterns)})"
