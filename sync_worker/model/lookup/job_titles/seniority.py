"""The seniority of one job title: the title is split into phrases, and the office nearest to the head of a phrase counts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from typing import Final, Literal

from sync_worker.model.lookup.job_titles.vocabulary import SENIORITY_LEVELS, Entry, Vocabulary, load_vocabulary, strip_marks
from sync_worker.model.lookup.text import normalize_text

_CACHE_SIZE: Final = 50_000  # titles; successive batches contain the same ones
_LONGEST_TITLE: Final = 300  # characters; the rest of a text has no information on the rank
_LONGEST_WORD: Final = 40
_LONGEST_CHINESE: Final = 8
_TOPIC_DISTANCE: Final = 2  # "student career services"

#: Classes of titles without a level: no information, or in a language that is not read.
NO_INFORMATION: Final = -1
UNREAD: Final = -2

_INTERN: Final = SENIORITY_LEVELS.index("intern")
_EMPLOYEE: Final = SENIORITY_LEVELS.index("employee")
_SENIOR: Final = SENIORITY_LEVELS.index("senior")

# Letters of none of the seven languages. A word with one of them is not read at all: Direktør is not Direktor.
_FOREIGN_LETTER: Final = re.compile(r"[^\W\d_a-zA-ZäöüÄÖÜßàâæçéèêëîïôœùûÿÀÂÆÇÉÈÊËÎÏÔŒÙÛŸñÑáíóúÁÍÓÚìòÌÒŀĿªº\u3400-\u4dbf\u4e00-\u9fff]")
_GENDERS: Final = re.compile(r"\(?\b[mwfdhx](?:\s?[/|,]\s?[mwfdhx]){1,3}\b\)?", re.IGNORECASE)
_CAPITAL_ENDING: Final = re.compile(r"(?<=[a-zäöüß])In(?=(?:nen)?\b)")
_DOTS: Final = re.compile(r"\b(?:[a-z]\.\s?)+[a-z]\b\.?")
_TOKENS: Final = re.compile(r"'s(?![a-z])|(?<=s)'(?=[ -]\w)|[a-z0-9]+|[\u3400-\u9fff]+|[&+]|@|[,;:|/()\[\]*]| - ")
_BLANK_TITLE: Final = re.compile(r"[a-z]?|\d+|([a-z])\1+")  # of a text without punctuation
_PARTS: Final = re.compile(r"[/|,;]")  # "Other / Autre"
_SPACED_LINE: Final = re.compile(r"[\r\n]+|[\u2022\u00b7](?= )")
_FIXED: Final = {
    "&": Entry(kind="join", phrase="&"),
    "+": Entry(kind="join", phrase="+"),
    "@": Entry(kind="about", phrase="@"),
    "'s": Entry(kind="possessive", phrase="'s"),
    "'": Entry(kind="possessive", phrase="'"),
}
_Item = Entry | None  # None is a word without meaning for the rank


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    """A part of a title with a head of its own, and what separates it from the previous part."""

    after: Literal["start", "comma", "join"]
    items: tuple[_Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """The rank of a segment."""

    level: int = -1  # no word of rank
    phrase: str = ""
    is_former: bool = False
    is_only_former: bool = False
    is_assistant: bool = False
    covers_joined: bool = False  # "Assistant to the CEO and CFO"
    is_internship: bool = False  # after an office, a topic: "Manager, Apprenticeships"


@lru_cache(maxsize=_CACHE_SIZE)
def seniority(title: str) -> int | None:
    """Return the seniority of a job title as an index of SENIORITY_LEVELS; None if the title has no information.

    A title without a word of rank counts as employee.
    """
    found = explain_seniority(title)
    return None if found is None else found[0]


def title_class(title: str) -> int:
    """Return the seniority of a job title, `NO_INFORMATION`, or `UNREAD` for a language that is not read."""
    found = seniority(title)
    if found is not None:
        return found
    return NO_INFORMATION if _has_no_information(unicodedata.normalize("NFKC", title[:_LONGEST_TITLE]), load_vocabulary()) else UNREAD


def explain_seniority(title: str) -> tuple[int, str] | None:
    """Return the seniority of a job title and the phrase that decided, which may be empty; None if the title has no information."""
    vocabulary = load_vocabulary()
    composed = unicodedata.normalize("NFKC", title[:_LONGEST_TITLE])
    if _has_no_information(composed, vocabulary):
        return None
    known, is_foreign = _drop_foreign_words(composed)
    segments = _split_segments(_read_items(_simplify(known, vocabulary), vocabulary))
    level, phrase = _combine([(segment.after, _rank_segment(segment.items)) for segment in segments])
    is_foreign = is_foreign or any(item is not None and item.kind == "foreign" for segment in segments for item in segment.items)
    if level < 0:
        return None if is_foreign else (_EMPLOYEE, phrase)
    return level, phrase


def _has_no_information(composed: str, vocabulary: Vocabulary) -> bool:
    text = normalize_text(composed).translate(vocabulary.letters)
    return any(all(_says_nothing(part, vocabulary) for part in parts) for parts in ([text], _PARTS.split(text), text.split()))


def _says_nothing(text: str, vocabulary: Vocabulary) -> bool:
    marks = strip_marks(text)
    return marks in vocabulary.says_nothing or bool(_BLANK_TITLE.fullmatch(marks))


def _drop_foreign_words(text: str) -> tuple[str, bool]:
    if text.isascii() or not _FOREIGN_LETTER.search(text):
        return text, False
    return " ".join(word for word in text.split() if not _FOREIGN_LETTER.search(word)), True


def _simplify(text: str, vocabulary: Vocabulary) -> str:
    """Return the text in one spelling: without genders, feminine endings after a mark, dots, and traditional Chinese."""
    text = _CAPITAL_ENDING.sub("in", _GENDERS.sub(" ", text))
    text = _SPACED_LINE.sub(" , ", text)
    text = _compile_endings(vocabulary.endings).sub("", text)
    text = normalize_text(text)
    if not text.isascii():
        text = text.translate(vocabulary.letters)
    return _DOTS.sub(lambda match: match[0].replace(".", "").replace(" ", ""), text)


@cache
def _compile_endings(endings: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<=\w\w)(?:\(-?|/-?|[*:_·•])(?:{'|'.join(endings)})(?![\w])\)?", re.IGNORECASE)


def _read_items(text: str, vocabulary: Vocabulary) -> list[_Item | str]:
    """Return the meanings of the words of a text; "," is a separator."""
    words = list(_split_words(text, vocabulary))
    forms = [_word_forms(word) for word in words]
    items: list[_Item | str] = []
    index = 0
    while index < len(words):
        word = words[index]
        if word in _FIXED:
            items.append(_FIXED[word])
            index += 1
        elif not word[0].isalnum():
            items.append(",")
            index += 1
        else:
            entry, length = _match_phrase(forms, index, vocabulary)
            items.append(entry)
            index += length
    return items


def _split_words(text: str, vocabulary: Vocabulary) -> Iterator[str]:
    for match in _TOKENS.finditer(text):
        token = match[0]
        if token[0] < "\u3400":
            yield token
            continue
        start = 0
        while start < len(token):
            sizes = range(min(_LONGEST_CHINESE, len(token) - start), 1, -1)
            size = next((size for size in sizes if token[start : start + size] in vocabulary.chinese), 1)
            yield token[start : start + size]
            start += size


@lru_cache(maxsize=_CACHE_SIZE)
def _word_forms(word: str) -> tuple[str, ...]:
    """Return a word and the wildcards that it matches; an end such as `*assistentin` takes precedence over a start such as `vorstand*`."""
    if len(word) > _LONGEST_WORD or len(word) < 3:
        return (word,)
    found = [
        (not end, -len(star), star) for star, start, end in load_vocabulary().wildcards if word.startswith(start) and word.endswith(end)
    ]
    return (word, *(star for *_, star in sorted(found)))


def _match_phrase(forms: Sequence[tuple[str, ...]], index: int, vocabulary: Vocabulary) -> tuple[Entry | None, int]:
    """Return the longest phrase that starts at a word, and the number of its words."""
    best: Entry | None = None
    length = 0
    for form in forms[index]:
        for words, entry in vocabulary.phrases.get(form, ()):
            if len(words) <= length:
                break
            if len(words) <= len(forms) - index and all(_is_form(word, forms[index + place]) for place, word in enumerate(words[1:], 1)):
                best, length = entry, len(words)
                break
    return best, max(length, 1)


def _is_form(word: str, forms: tuple[str, ...]) -> bool:
    return word in forms or (word == "*" and forms[0][0].isalnum())


def _split_segments(items: Sequence[_Item | str]) -> list[_Segment]:
    segments = []
    after: Literal["start", "comma", "join"] = "start"
    current: list[_Item] = []
    for item in [*items, ","]:
        is_join = isinstance(item, Entry) and item.kind == "join"
        if item is None or (isinstance(item, Entry) and not is_join):
            current.append(item)
        else:
            if current:
                segments.append(_Segment(after=after, items=tuple(current)))
                after = "comma"
            if is_join:
                after = "join" if segments else "start"
            current = []
    return segments


def _rank_segment(items: Sequence[_Item]) -> _Finding:
    """Return the rank of a segment by its head: what follows "of", "de" or "für" only says what the office is about."""
    head, rest, is_served = _split_head(items)
    owner = max((place for place, item in enumerate(head) if item is not None and item.kind == "possessive"), default=-1)
    head = _drop_topics(head[owner + 1 :])
    kinds = {item.kind for item in head if item is not None}
    if "former" in kinds:
        phrase = next(item.phrase for item in head if item is not None and item.kind == "former")
        return _Finding(is_former=True, is_only_former=all(item is not None and item.kind == "former" for item in head), phrase=phrase)
    intern = _find_intern(head, rest)
    if intern is not None:
        return _Finding(level=_INTERN, phrase=intern.phrase, is_internship=intern.kind == "internship")
    winner = _find_winner(head)
    if winner is not None and winner.kind != "office":
        return _Finding(level=_EMPLOYEE, phrase=winner.phrase, is_assistant=True, covers_joined=bool(rest) or any(map(_is_office, head)))
    if winner is not None:
        return _Finding(level=winner.level, phrase=winner.phrase)
    senior = next((item for item in (*head, *(() if is_served else _drop_topics(rest))) if _is_senior(item)), None)
    if senior is not None:
        return _Finding(level=_SENIOR, phrase=senior.phrase, covers_joined=is_served)
    return _Finding(covers_joined=is_served)


def _split_head(items: Sequence[_Item]) -> tuple[list[_Item], list[_Item], bool]:
    """Return the words before the first preposition, those after it, and whether the person serves them ("to the CEO").

    A member of a body has the rank of the body, and a preposition at the start has no head.
    """
    start = 0
    for place, item in enumerate(items):
        if item is not None and item.kind in ("about", "serve"):
            head = items[start:place]
            if all(each is not None and each.kind == "member" for each in head):
                start = place + 1
                continue
            return list(head), list(items[place + 1 :]), item.kind == "serve"
    return list(items[start:]), [], False


def _drop_topics(items: Sequence[_Item]) -> list[_Item]:
    """Drop words of rank that only describe a topic: "student services", "partner marketing"."""
    return [
        None if item is not None and _is_topic(item, items[place + 1 : place + 1 + _TOPIC_DISTANCE]) else item
        for place, item in enumerate(items)
    ]


def _is_topic(item: Entry, following: Sequence[_Item]) -> bool:
    kinds = [each.kind if each is not None else None for each in following]
    if item.kind in ("intern", "intern_or_topic", "internship"):
        return "topic" in kinds
    if item.kind == "deputy":
        return kinds[:1] == ["topic"]
    return item.may_be_topic and kinds[:1] in (["topic"], ["field"])


def _find_intern(head: Sequence[_Item], rest: Sequence[_Item]) -> Entry | None:
    for place, item in enumerate(head):
        offices = {"intern": (), "intern_or_topic": head[place + 1 :], "internship": head}
        if item is not None and item.kind in offices and not any(map(_is_office, offices[item.kind])):
            return item
    return next((item for item in _drop_topics(rest) if item is not None and item.kind == "intern"), None)


def _find_winner(head: Sequence[_Item]) -> Entry | None:
    """Return the office or assistant nearest to the head of the phrase: the first in "Leiter Vertrieb", the last in "Sales Director"."""
    ranked = [item if _competes(item, head[place + 1 :]) else None for place, item in enumerate(head)]
    # Offices side by side are held together: "Founder CEO".
    groups = [
        max(offices, key=lambda each: each.level)
        for kind, group in groupby(ranked, key=lambda each: each and each.kind)
        if kind is not None and (offices := [each for each in group if each is not None])
    ]
    if not groups:
        return None
    if groups[0].is_head_first:
        return groups[0]
    return next((each for each in groups if each.kind != "office"), groups[-1])


def _competes(item: _Item, following: Sequence[_Item]) -> bool:
    """Return whether a word is an office or an assistant; before an office, "assistant" only means deputy."""
    if item is not None and item.kind == "deputy":
        return not any(each is not None and _is_office(each) and not each.is_body for each in following)
    return item is not None and (_is_office(item) or item.kind == "assistant")


def _is_office(item: _Item) -> bool:
    return item is not None and item.kind == "office" and item.level > _SENIOR


def _is_senior(item: _Item) -> bool:
    return item is not None and item.kind == "office" and item.level == _SENIOR


def _combine(findings: Sequence[tuple[str, _Finding]]) -> tuple[int, str]:
    """Return the rank of a title with several offices: the highest, unless the person is an intern or serves the others."""
    best, phrase = -1, ""
    is_closed = False  # the segment continues what the previous one says about another contact or the past
    serves = False
    for place, (after, found) in enumerate(findings):
        if found.is_internship and best > _SENIOR:
            continue
        if found.level == _INTERN:
            return _INTERN, found.phrase
        if found.is_only_former and place:
            best, phrase = -1, found.phrase
            continue
        is_closed = is_closed if after == "join" else False
        if not is_closed and not (serves and after == "comma") and found.level > best:
            best, phrase = found.level, found.phrase
        phrase = phrase or found.phrase
        is_closed = is_closed or found.is_former or found.covers_joined
        serves = serves or (place == 0 and found.is_assistant)
    return best, phrase
