"""Countries by name in any language or by code: Deutschland, Germany and DE are the same.

Names are compared in their own script, because a transliteration makes different names equal: Egypt in Arabic letters and Montserrat's
code. Two files contain the names; usual_country_names.txt takes precedence over country_names.txt, which `make countries` generates.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Final

import pycountry

from sync_worker.model.lookup.data import read_data

_CACHE_SIZE: Final = 10_000  # texts; successive batches contain the same ones

# Latin letters that are not a letter with an accent.
_LATIN_LETTERS: Final = str.maketrans(dict(zip("ıłøđðħəǝɛɔŋ", "iloddheeeon", strict=True)) | {"þ": "th", "æ": "ae", "œ": "oe"})
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
# Forms of a letter that writers of Arabic, Persian and Urdu do not distinguish.
_ARABIC_LETTERS: Final = str.maketrans({"ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ہ": "ه", "ھ": "ه", "ۀ": "ه", "ە": "ه"})  # fmt: skip
# Accents of Latin, Greek and Cyrillic; modifier letters; vowel points and hamza of Arabic; vowel points of Hebrew.
_MARKS: Final = re.compile("[\u0300-\u036f\u02b0-\u02ff\u064b-\u0655\u0670\u0640\u0591-\u05c7]")
_SEPARATORS: Final = re.compile(r"[/|;,:()\[\]]|\s[-–—]+\s")
_STATE: Final = (
    r"(?:republic|kingdom|commonwealth|principality)\s+of\s+(?:the\s+)?|(?:republik|königreich|koenigreich|fürstentum|republiek|koninkrijk)\s+"
    r"|(?:république|republique|royaume|república|republica|reino|repubblica|regno|regne)\s+(?:de|du|del|da|do|di|della)\s+(?:la\s+)?"
)
_WORD: Final = r"(?:the|die|der|das|la|le|les|el|los|las|il|lo|gli|i|os|as|o|a|de|het)\s+|l['’´`]\s*"
_ARTICLE: Final = re.compile(rf"(?:the\s+)?(?:{_STATE})|{_WORD}", re.IGNORECASE)
_SHORT_NAME: Final = 3  # letters; accents distinguish such names from codes: Mỹ (USA) from MY
_MAX_LENGTH: Final = 200  # characters; no name of a country is longer
#: The line of country_names.txt before the names in languages that few portals use.
OTHER_LANGUAGES: Final = "# All other languages"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    codes: Mapping[str, str]
    names: Mapping[str, str]
    joined: Mapping[str, str]  # the same without spaces, for UnitedStates and U.S.A.
    common: Mapping[str, str]


@lru_cache(maxsize=_CACHE_SIZE)
def country_code(text: str) -> str | None:
    """Return the two-letter code of a country, or None if the text is not a country.

    A text with several names, such as `Germany (Deutschland)`, is a country only if all of them mean the same one.
    """
    name = text.strip()
    if not name or len(name) > _MAX_LENGTH:
        return None
    return _find_country(name) or _find_parts(name) or _find_without_article(name)


def country_names() -> Mapping[str, str]:
    """Return the country codes by name or code, in the languages of most portals."""
    return _load_tables().common


def normalize_country(name: str) -> str:
    """Return the name in its own script, without case, accents and punctuation, with single spaces."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold().replace("&", " and "))
    plain = _keep_letters(_MARKS.sub("", decomposed))
    return plain if len(plain.replace(" ", "")) > _SHORT_NAME else _keep_letters(decomposed)


def expand_umlauts(name: str) -> str:
    """Return the name with ae, oe, ue and aa instead of ä, ö, ü and å."""
    return unicodedata.normalize("NFC", name).casefold().translate(_UMLAUTS)


def read_usual_names(text: str) -> Iterator[tuple[str, str]]:
    """Yield the codes and names of usual_country_names.txt."""
    for line in text.splitlines():
        code, _, names = line.partition(":")
        if names and not line.startswith("#"):
            yield from ((code, name.strip()) for name in names.split(","))


def _find_country(name: str) -> str | None:
    tables = _load_tables()
    by_code, by_name = tables.codes.get(name.lower()), _find_name(name)
    if by_code and by_name and by_code != by_name:  # NGA is Nigeria; Nga is Russia in Vietnamese
        return None if name.istitle() else by_code
    return by_code or by_name


def _find_name(name: str) -> str | None:
    tables, key = _load_tables(), normalize_country(name)
    return tables.names.get(key) or tables.joined.get(key.replace(" ", ""))


def _find_parts(name: str) -> str | None:
    parts = [part for part in map(str.strip, _SEPARATORS.split(name)) if part]
    if len(parts) < 2:
        return None
    found = {_find_country(part) for part in parts}
    return found.pop() if len(found) == 1 else None


def _find_without_article(name: str) -> str | None:
    """Find `La France`, `Republic of Kosovo` and `Bahamas (the)`."""
    start, _, end = name.rstrip(") ").replace("(", ",").rpartition(",")
    turned = f"{end.strip()} {start.strip()}"
    article = _ARTICLE.match(name)
    return (_find_name(turned) if start else None) or (_find_name(name[article.end() :]) if article else None)


def _keep_letters(text: str) -> str:
    letters = unicodedata.normalize("NFC", text).translate(_LATIN_LETTERS).translate(_ARABIC_LETTERS)
    return " ".join("".join(letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in letters).split())


@cache
def _load_tables() -> _Tables:
    codes = {code.lower(): each.alpha_2 for each in pycountry.countries for code in (each.alpha_2, each.alpha_3)} | {
        "xk": "XK",
        "xkx": "XK",
    }
    usual = {
        normalize_country(spelling): code
        for code, name in read_usual_names(read_data("usual_country_names.txt"))
        for spelling in (expand_umlauts(name), name)
    }
    common, _, other = read_data("country_names.txt").partition(OTHER_LANGUAGES)
    common_names = _read_names(common)
    names = {**_read_names(other), **common_names, **usual}
    return _Tables(
        codes=MappingProxyType(codes),
        names=MappingProxyType(names),
        joined=MappingProxyType(_join_words(names) | _join_words(usual)),
        common=MappingProxyType({**common_names, **usual, **codes}),
    )


def _read_names(text: str) -> dict[str, str]:
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return {name: code for code, *names in lines for name in names}


def _join_words(names: Mapping[str, str]) -> dict[str, str]:
    """Return the names without spaces, except those that then mean several countries."""
    pairs = {(name.replace(" ", ""), code) for name, code in names.items()}
    ambiguous = {name for name, count in Counter(name for name, _ in pairs).items() if count > 1}
    return {name: code for name, code in pairs if name not in ambiguous}
