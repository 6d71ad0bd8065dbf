"""Countries by name in any language or by code: Deutschland, Germany and DE are the same."""

from __future__ import annotations

import gettext
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pycountry

from sync_worker.model.lookup.text import normalize_text

# Common names that ISO 3166 does not list.
_ALIASES: Final[Mapping[str, str]] = {
    "uk": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB", "great britain": "GB", "britain": "GB",
    "u.k.": "GB", "u.s.": "US", "u.s.a.": "US", "united states of america": "US", "america": "US", "holland": "NL", "turkey": "TR",
    "turkiye": "TR", "ivory coast": "CI", "czech republic": "CZ", "cape verde": "CV", "swaziland": "SZ", "burma": "MM",
    "macedonia": "MK", "vatican": "VA", "palestine": "PS", "south korea": "KR", "korea": "KR", "north korea": "KP", "laos": "LA",
    "russia": "RU", "the netherlands": "NL", "the gambia": "GM", "the bahamas": "BS", "kosovo": "XK", "uae": "AE", "prc": "CN",
    "brunei": "BN", "congo": "CG", "micronesia": "FM", "sankt martin": "MF", "grossbritannien": "GB", "england und wales": "GB",
    "inglaterra": "GB", "angleterre": "GB", "inghilterra": "GB", "eeuu": "US", "ee.uu.": "US", "ee. uu.": "US",
    "etats-unis d'amerique": "US", "estados unidos de america": "US", "holanda": "NL", "hollande": "NL", "olanda": "NL",
    "brd": "DE", "bundesrepublik deutschland": "DE", "osterreich": "AT", "oesterreich": "AT", "schweiz": "CH", "suisse": "CH",
    "svizzera": "CH", "中国": "CN", "中华人民共和国": "CN", "美国": "US", "英国": "GB", "台湾": "TW", "香港": "HK", "韩国": "KR",
}  # fmt: skip

_CACHE_SIZE: Final = 10_000  # texts; successive batches contain the same ones

# The languages of most portals; their names take precedence over those of other languages.
_COMMON_LANGUAGES: Final = ("de", "fr", "es", "it", "ca", "zh_CN", "pt", "pt_BR", "nl", "pl", "zh_TW", "ja", "ko", "ru")


@lru_cache(maxsize=_CACHE_SIZE)
def country_code(text: str) -> str | None:
    """Return the two-letter code of a country, or None if the text is not a country."""
    name = normalize_text(text)
    return _english_names().get(name) or (_common_names().get(name) or _rare_names().get(name) if name else None)


def country_names() -> Mapping[str, str]:
    """Return the country codes by normalized name or code, in English and the languages of most portals."""
    return _common_names()


@cache
def _english_names() -> Mapping[str, str]:
    """Return codes and English names, which most portals use and which need no translation file."""
    found: dict[str, str] = {}
    for country in pycountry.countries:
        for attribute in ("alpha_2", "alpha_3", "name", "common_name", "official_name"):
            if name := getattr(country, attribute, None):
                found.setdefault(normalize_text(name), country.alpha_2)
    return MappingProxyType({**found, **_ALIASES})


@cache
def _common_names() -> Mapping[str, str]:
    found = dict(_english_names())
    for language in _COMMON_LANGUAGES:
        for name, code in _translate_names(language):
            found.setdefault(name, code)
    return MappingProxyType(found)


@cache
def _rare_names() -> Mapping[str, str]:
    """Return names in all languages, without those that mean several countries."""
    found: dict[str, set[str]] = {}
    for folder in sorted(Path(pycountry.LOCALES_DIR).iterdir()):
        for name, code in _translate_names(folder.name):
            found.setdefault(name, set()).add(code)
    return MappingProxyType({name: codes.pop() for name, codes in found.items() if len(codes) == 1})


def _translate_names(language: str) -> Iterator[tuple[str, str]]:
    words = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language], fallback=True)
    for country in pycountry.countries:
        for attribute in ("name", "common_name"):
            name = getattr(country, attribute, None)
            if name and (translated := words.gettext(name)) != name:
                yield normalize_text(translated), country.alpha_2
