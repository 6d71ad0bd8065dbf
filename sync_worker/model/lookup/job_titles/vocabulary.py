"""The words of job titles: one data file per language; en.yaml describes the keys. `phrase` uses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Annotated, ClassVar, Final, Literal, get_args

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from sync_worker.errors import ModelError
from sync_worker.model.file.conditions import SeniorityLevel
from sync_worker.model.file.yaml_source import parse_yaml
from sync_worker.model.lookup.text import normalize_text

SENIORITY_LEVELS: Final[tuple[SeniorityLevel, ...]] = get_args(SeniorityLevel)

# If two languages use one phrase, the first file decides its kind, and the higher level counts.
LANGUAGES: Final = ("en", "de", "fr", "es", "it", "ca", "zh", "other")

Kind = Literal[
    "office", "assistant", "deputy", "intern", "intern_or_topic", "no_office", "topic", "field", "member", "former", "about", "serve",
    "join", "possessive", "foreign", "internship",
]  # fmt: skip
OfficeLevel = Literal["c_level", "vp", "director", "manager", "senior"]
_Text = Annotated[str, Field(min_length=1)]
_Texts = tuple[_Text, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageFile:
    """The words of one language, as its file has them."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=False)

    head: Literal["first", "last"]
    offices: Mapping[OfficeLevel, _Texts] = field(default_factory=dict)
    bodies: _Texts = ()
    offices_or_topics: _Texts = ()
    assistants: _Texts = ()
    assistants_or_deputies: _Texts = ()
    interns: _Texts = ()
    interns_or_topics: _Texts = ()
    internships: _Texts = ()
    no_office: _Texts = ()
    topics: _Texts = ()
    fields: _Texts = ()
    members: _Texts = ()
    former: _Texts = ()
    about: _Texts = ()
    serve: _Texts = ()
    joins: _Texts = ()
    possessives: _Texts = ()
    foreign: _Texts = ()
    endings: _Texts = ()
    says_nothing: _Texts = ()
    letters: Mapping[_Text, _Text] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The meaning of one phrase."""

    kind: Kind
    phrase: str
    level: int = -1  # index of SENIORITY_LEVELS; only for offices
    is_head_first: bool = False
    is_body: bool = False  # the management as a group: after an assistant, the assistant serves it
    may_be_topic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The phrases of all languages, ready for lookup."""

    phrases: Mapping[str, tuple[tuple[tuple[str, ...], Entry], ...]]  # by first word; the longest phrase first
    wildcards: tuple[tuple[str, str, str], ...]  # pattern with its fixed start and end
    chinese: frozenset[str]
    letters: Mapping[int, str]
    endings: tuple[str, ...]
    says_nothing: frozenset[str]


def parse_language(text: str, source: str) -> LanguageFile:
    """Parse the file of a language; `source` is its name in messages.

    Raises:
        ModelError: A key is missing or unknown, or a value is not a list of texts; the message lists each problem with file, line and key.
    """
    read = parse_yaml(text)
    found = list(read.diagnostics)
    if not found:
        try:
            return _type_adapter().validate_python(read.data)
        except ValidationError as error:
            found = [read.diagnose(details["loc"], details["msg"]) for details in error.errors(include_url=False)]
    raise ModelError("\n".join(each.render(source) for each in found), hint="\nCorrect this file of job titles.")


@cache
def load_vocabulary() -> Vocabulary:
    """Return the vocabulary; the files are read at the first call."""
    folder = resources.files(__package__)
    paths = [folder.joinpath(f"{language}.yaml") for language in LANGUAGES]
    return build_vocabulary([parse_language(path.read_text("utf-8"), str(path)) for path in paths])


def build_vocabulary(files: list[LanguageFile]) -> Vocabulary:
    """Merge the files of all languages."""
    entries: dict[tuple[str, ...], Entry] = {}
    for file in files:
        for text, entry in _list_entries(file):
            for words in _spell(text):
                known = entries.get(words)
                if known is None or (known.kind == entry.kind == "office" and known.level < entry.level):
                    entries[words] = entry
    by_first: dict[str, list[tuple[tuple[str, ...], Entry]]] = {}
    for words in sorted(entries, key=lambda words: (-len(words), -max(map(len, words)), words)):
        by_first.setdefault(words[0], []).append((words, entries[words]))
    stars = {word for words in entries for word in words if "*" in word and word != "*"}
    return Vocabulary(
        phrases={first: tuple(found) for first, found in by_first.items()},
        wildcards=tuple((star, *_split_star(star)) for star in sorted(stars, key=lambda star: (-len(star), star))),
        chinese=frozenset(words[0] for words in entries if len(words) == 1 and words[0][0] >= "\u3400"),
        letters=str.maketrans({old: new for file in files for old, new in file.letters.items()}),
        endings=tuple(sorted({normalize_text(each) for file in files for each in file.endings}, key=lambda each: (-len(each), each))),
        says_nothing=frozenset(strip_marks(normalize_text(each)) for file in files for each in file.says_nothing),
    )


def strip_marks(text: str) -> str:
    """Return a normalized text without punctuation: `n.a.` and `n/a` become `na`."""
    return "".join(character for character in text if character.isalnum())


def _list_entries(file: LanguageFile) -> Iterator[tuple[str, Entry]]:
    lists: tuple[tuple[Kind, _Texts], ...] = (
        ("no_office", file.no_office), ("former", file.former), ("assistant", file.assistants), ("deputy", file.assistants_or_deputies),
        ("intern", file.interns), ("intern_or_topic", file.interns_or_topics), ("topic", file.topics), ("field", file.fields),
        ("member", file.members),
        ("about", file.about), ("serve", file.serve), ("join", file.joins), ("possessive", file.possessives), ("foreign", file.foreign),
        ("internship", file.internships),
    )  # fmt: skip
    head_first = file.head == "first"
    for level, texts in file.offices.items():
        for text in texts:
            yield (
                text,
                Entry(
                    kind="office",
                    phrase=text,
                    level=SENIORITY_LEVELS.index(level),
                    is_head_first=head_first,
                    is_body=text in file.bodies,
                    may_be_topic=text in file.offices_or_topics,
                ),
            )
    for kind, texts in lists:
        for text in texts:
            yield text, Entry(kind=kind, phrase=text, is_head_first=head_first)


def _spell(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of a phrase; German umlauts also as two letters."""
    lower = text.casefold()
    expanded = lower.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    for spelling in {lower, expanded}:
        yield tuple(normalize_text(spelling).replace(".", "").replace("-", " ").replace("'", " ").split())


def _split_star(pattern: str) -> tuple[str, str]:
    start, _, end = pattern.partition("*")
    return start, end


@cache
def _type_adapter() -> TypeAdapter[LanguageFile]:
    """Build the validator at the first use, so that the command line starts without it."""
    return TypeAdapter(LanguageFile)
