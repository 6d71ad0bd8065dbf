"""Regular expressions for Polars from the patterns of a model file: URLs, texts, phrases."""

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
    """Return a regular expression for URLs that match one of the patterns.

    A pattern that starts with `/` or `*` is compared with the path, any other with host and path. Query and fragment are ignored unless the
    pattern contains them. `/careers/*` matches /careers and everything below it.
    """
    return _alternatives(_url_pattern(str(pattern), allow_wildcards=True) for pattern in patterns)


def any_url_start(starts: Iterable[object]) -> str:
    """Return a regular expression for URLs whose path (or host and path) starts with one of these texts."""
    return _alternatives(_url_pattern(str(start), allow_wildcards=False, end="") for start in starts)


def any_exact_url(urls: Iterable[object]) -> str:
    """Return a regular expression for URLs with one of these paths, or hosts and paths."""
    return _alternatives(_url_pattern(str(url), allow_wildcards=False) for url in urls)


def any_glob(patterns: Iterable[object]) -> str:
    """Return a regular expression for normalized texts that match one of the patterns as a whole."""
    return _alternatives(glob_pattern(str(pattern)) for pattern in patterns)


def any_phrase(phrases: Iterable[object]) -> str:
    """Return a regular expression for normalized texts that contain one of the phrases."""
    return _alternatives(phrase_pattern(str(phrase)) for phrase in phrases)


def any_start(starts: Iterable[object]) -> str:
    """Return a regular expression for normalized texts that start with one of these."""
    return _alternatives(f"^{re.escape(normalize_text(str(start)))}" for start in starts)


def any_end(ends: Iterable[object]) -> str:
    """Return a regular expression for normalized texts that end with one of these."""
    return _alternatives(f"{re.escape(normalize_text(str(end)))}$" for end in ends)


def any_option(options: Iterable[object]) -> str:
    """Return a regular expression for HubSpot's lists of options (`a;b`) that contain one of these."""
    return _alternatives(f"(?:^|;) ?{re.escape(normalize_text(str(option)))} ?(?:;|$)" for option in options)


def user_regex(regexes: Iterable[object]) -> str:
    """Return the regular expression of a model, ignoring case."""
    return f"(?i){''.join(map(str, regexes))}"


def query_parameter(names: Iterable[object]) -> str:
    """Return a regular expression for URLs with a value for one of these parameters; the value is its group."""
    return rf"(?i)[?&](?:{'|'.join(re.escape(str(name)) for name in names)})=([^&#]+)"


def _url_pattern(pattern: str, *, allow_wildcards: bool, end: str = _URL_END) -> str:
    text = pattern.strip().lower()
    if not text.startswith(("/", "*")):
        text = re.sub(rf"^{_SCHEME}", "", text).removeprefix("www.")
        host = _THIS_HOST
    else:
        host = _ANY_HOST
    if not allow_wildcards:
        return f"{host}{re.escape(text.rstrip('/') if end else text)}{end}"
    below = text.endswith("/*")
    parts = text.removesuffix("/*" if below else "/").split("*")
    anything = ".*" if "?" in text else "[^?#]*"
    inner = anything.join(re.escape(part) for part in parts)
    return f"{host}{inner}{f'(?:/{anything})?' if below else ''}{end}"


def _alternatives(patterns: Iterable[str]) -> str:
    return f"(?i)(?:{'|'.join(patterns)})"
