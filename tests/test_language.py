"""Plain English in documents and code: no dialect words, standard names, American spelling. CONTRIBUTING.md explains the rules."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
WORKER: Final = ROOT / "sync_worker"
TESTS: Final = ROOT / "tests"

# Remove this mark when the code has been rewritten. `pytest tests/test_language.py --runxfail` shows the findings until then.

IZE: Final = (
    "ogni",
    "rgani",
    "ormali",
    "erali",
    "nitiali",
    "ptimi",
    "inimi",
    "aximi",
    "ynchroni",
    "ustomi",
    "ummari",
    "tili",
    "ocali",
    "riti",
)

# The forbidden words. Keys are regular expressions, without regard to case; they match whole words only. Values are replacements.
WORDS: Final = {
    # Pronouns in place of a noun.
    r"whoever|whosoever|whomever|whom|whomsoever": "a noun: the contact, the operator, the process that ...",
    r"nobody|nobody's": "a noun: no contact, no user, no process",
    r"everybody|everybody's": "a noun: all contacts, every user",
    r"somebody|somebody's": "a noun: a contact, another user, another process",
    r"anybody|anybody's": "a noun: any contact, any user",
    r"(?:of|for|by|than|whether|besides|save|but|are|is) who": "a noun: the contacts that ...",
    r"newcomers?": "new contact, new contributor",
    # Old words.
    r"anew": "again; re-evaluate, recreate, reset",
    r"mend|mends|mended|mending": "repair, update, fix",
    r"beside": "next to, with, in addition to",
    r"hitherto|heretofore": "until now",
    r"thereof|whereof|therein|wherein|thereupon|whereupon|hereby|thereby|whereby|wherefore|herewith|thereto|whence|thence": "rephrase",
    r"whilst|amongst|forthwith|henceforth|lest|albeit|upon|unto|ere|nigh|oft|alas|hearken|behold": "while, among, at once, so that not, on",
    r"heed|heeds|heeded": "check, respect",
    r"in vain": "without success; all retries failed",
    r"for ever": "forever, permanently, without limit",
    r"as ever": "as usual",
    r"thrice": "three times",
    r"bent": "changed",
    r"so dear|are dear|is dear": "expensive, limited",
    # Verbs used in place of the word of the field.
    r"judge|judges|judged|judging|judgments?|judgements?": "evaluate; verdict",
    r"tell|tells|telling|told": "report, return, show, detect",
    r"stands?(?! for\b)|standing|stood": "is, are",
    r"lies?|lain": "is, are, are distributed",
    r"goes on|go on|went on|going on": "continue, resume",
    r"let go of|lets go of|letting go of": "release, remove",
    r"gone from": "deleted from, no longer in",
    r"at work": "active, running",
    r"give leave|gives leave|gave leave|given leave|giving leave|leave to (?:change|write|move)": "allow",
    r"come to (?:its|an|the) end|comes to (?:its|an|the) end|came to (?:its|an|the) end": "finish, end",
    r"put back|puts back|putting back": "restore",
    r"puts? aside|put(?:ting)? aside": "quarantine, move away",
    r"put right|puts right|makes? good|made good": "repair",
    r"weigh|weighs|weighed|weighing": "check",
    r"keeps? back|kept back|keeping back": "block, hold back",
    r"speaks? against|spoke against|speaking against": "negative points, a disqualifier",
    r"goes before|go before": "overrides, takes precedence over",
    r"held against": "compared with",
    r"own doing": "rephrase",
    r"(?:for|its|their|the) pace": "rate-limited, rate",
    r"taken for (?!each|every|all)\w+": "treated as",
    r"asked for by|what was asked for": "requested; a noun",
    r"makes? sure of": "ensure",
    r"called? off": "canceled",
    r"spelt|misspelt": "written out, misspelled",
    # Riddles.
    r"in mid-run": "during a run",
    r"(?:is|are|was|were) no more(?! than\b)": "no longer exists",
    r"(?:is|are|was|were) none": "a noun: is not an MQL, has no value",
    r"what is gone|who is gone|that are gone|is gone for good|gone for good": "deleted, permanently deleted",
    r"way out": "hint, fix",
    r"what .{1,40} look (?:like )?so": "rephrase",
    r"(?:complete|full) readings?|readings? of (?:all|every)": "full scan",
    r"filled[ -]in": "submitted (a form), completed",
    r"throw-away": "disposable",
    # Spelling.
    r"e-mails?(?! (?:di )?marketing\b)": "email",  # French and Italian texts for sales reps keep it
    r"behaviours?|colours?|coloured|favours?|favourite|honours?|honoured|labour|neighbours?": "American spelling: -or",
    r"centres?|centred|metres?|licences?|defences?|catalogues?|programmes?|grey": "American spelling: center, license, catalog, gray",
    rf"\w+(?:{'|'.join(IZE)})s(?:e|es|ed|ing|ation)": "American spelling: -ize",
    r"cancelled|cancelling|labelled|labelling|modelled|modelling|travelled|signalled": "American spelling: a single l",
    r"analysed?|analysing|artefacts?|towards|afterwards|learnt|burnt": "American spelling: analyze, toward, afterward",
}
# Letters, digits, "_" and "-" around a match make it part of a longer word or an identifier.
PATTERNS: Final = tuple((re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE), instead) for words, instead in WORDS.items())
# A quick test for the whole text: most texts contain no forbidden word at all.
ANY: Final = re.compile("|".join(pattern.pattern for pattern, _ in PATTERNS), re.IGNORECASE)

# Verbs and nouns that only look like a participle or gerund.
NOT_PARTICIPLES: Final = frozenset(
    re.findall(
        r"\w+",
        """anything bed bleed breed bring ceiling cling embed everything evening exceed feed fling hundred indeed king morning need nothing
        ping precede proceed recede red reseed ring secede seed shed shred sibling sing sling something speed spring sting string substring
        succeed swing thing weed wing wring""",
    )
)
ADJECTIVES: Final = frozenset({"desired", "observed"})  # words of CONTRIBUTING.md: a desired value, an observed value
STANDARD_NAMES: Final = frozenset({"batched"})  # functions with the name of their counterpart in the standard library
# Past tenses and participles. Words that are also a verb or noun of the field, such as "read", "set" and "bound", are not here.
IRREGULAR: Final = frozenset(
    re.findall(
        r"\w+",
        """began begun broke broken brought built chose chosen came dealt done drawn drew driven drove fallen fed fell felt forgot
        forgotten found gave given gone grew grown heard held hidden kept knew known laid led left lent lost made meant met paid ran said
        sat saw seen sent shook shown sold spent spoke spoken stole stolen stood stuck taken taught thought threw thrown told took torn
        understood went woken won wore worn written wrote""",
    )
)
MODULE_NOUNS: Final = frozenset({"formatting", "parsing", "polling"})  # nouns of the field that end in -ing
HUBSPOT_VALUES: Final = frozenset({"cancelled", "newcomers"})  # HubSpot's spelling of a field; a key in existing states
SHARED_CLASSES: Final = frozenset({"Portal", "Property"})


@dataclass(frozen=True, slots=True)
class Finding:
    """A forbidden word or name with its place."""

    path: Path
    line: int
    word: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: “{self.word}”; better: {self.instead}"


def find_words(path: Path, text: str, first_line: int = 1) -> Iterator[Finding]:
    # Single line breaks are spaces, so that "at\nwork" is found; positions stay the same.
    flat = re.sub(r"\s", " ", text)
    if not ANY.search(flat):
        return
    for pattern, instead in PATTERNS:
        for match in pattern.finditer(flat):
            if not match.group().isupper():  # CANCELLED is a word of HubSpot's API
                yield Finding(path, first_line + text.count("\n", 0, match.start()), match.group(), instead)


def show(findings: Iterable[Finding]) -> str:
    lines = sorted({str(each) for each in findings})
    return "\n".join([f"{len(lines)} findings", *lines])


# Documents.


def documents() -> list[Path]:
    names = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "pyproject.toml", ".ci/run", ".githooks/commit-msg")
    pages = [*(ROOT / name for name in names), *ROOT.glob("docs/**/*.md")]
    pages += [path for folder in ("deploy", "config") for path in (ROOT / folder).rglob("*") if path.is_file()]
    pages = [path for path in pages if path.suffix != ".json"]  # the JSON Schema consists of docstrings
    return sorted(pages)


def comments_of_config(text: str) -> str:
    """Return the comments; every other line is empty, so that line numbers stay the same."""
    return "\n".join(match.group() if (match := re.search(r"(?:^|\s)#.*", line)) else "" for line in text.splitlines())


def readable(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix in {".yaml", ".toml"}:  # values are checked in `test_values_of_the_configuration`
        return comments_of_config(text)
    # The list of forbidden words in CONTRIBUTING.md is not a use of them.
    return re.sub(r"^\| concept \|.*?\n\n", lambda match: "\n" * match.group().count("\n"), text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_documents(path: Path) -> None:
    findings = list(find_words(path, readable(path)))
    assert not findings, show(findings)


def test_values_of_the_configuration() -> None:
    paths = [*(ROOT / "config").rglob("*.yaml"), WORKER / "model/i18n/en.yaml"]
    findings = [each for path in paths for each in find_words(path, path.read_text(encoding="utf-8"))]
    assert not findings, show(findings)


# Code.


@dataclass(frozen=True, slots=True)
class Module:
    """A parsed module: its source and functions; its classes, type aliases, docstrings and other strings, each with its line."""

    path: Path
    source: str
    functions: list[ast.FunctionDef | ast.AsyncFunctionDef]
    types: list[tuple[int, str]]
    docstrings: list[tuple[int, str]]
    messages: list[tuple[int, str]]

    @property
    def comments(self) -> list[tuple[int, str]]:
        tokens = tokenize.generate_tokens(io.StringIO(self.source).readline)
        return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]

    @property
    def suspicious_comments(self) -> list[tuple[int, str]]:
        """The comments if one of them may contain a forbidden word: to tokenize every module takes seconds."""
        lines = [line.partition("#")[2] for line in self.source.splitlines() if "#" in line]
        return self.comments if ANY.search("\n".join(lines)) else []


def type_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield classes, type aliases and type variables, except T, at the top of a module: the assignments to a name in CamelCase."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name) and re.match(r"_*[A-Z]\w*[a-z]", target.id):
                    yield node.lineno, target.id


def parse(path: Path) -> Module:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    strings = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    # A string that is a statement is a docstring, also below an attribute.
    heads = {id(node.value) for holder in nodes if isinstance(holder, holders) for node in holder.body if isinstance(node, ast.Expr)}
    return Module(
        path,
        source,
        [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)],
        list(type_names(tree)),
        [(node.lineno, str(node.value)) for node in strings if id(node) in heads],
        [(node.lineno, str(node.value)) for node in strings if id(node) not in heads and node.value not in HUBSPOT_VALUES],
    )


@cache
def modules(folder: Path = WORKER) -> tuple[Module, ...]:
    return tuple(parse(path) for path in sorted(folder.rglob("*.py")))


def find_in(kind: str, folder: Path = WORKER) -> list[Finding]:
    return [each for module in modules(folder) for line, text in getattr(module, kind) for each in find_words(module.path, text, line)]


def test_docstrings_and_comments() -> None:
    findings = find_in("docstrings") + find_in("suspicious_comments")
    assert not findings, show(findings)


def test_docstrings_and_comments_of_tests() -> None:
    findings = find_in("docstrings", TESTS) + find_in("suspicious_comments", TESTS)
    assert not findings, show(findings)


def test_messages() -> None:
    findings = find_in("messages")
    assert not findings, show(findings)


# Names.


def is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A property is a value, so its name is a noun or an adjective."""
    decorators = {part for each in node.decorator_list for part in re.findall(r"\w+", ast.unparse(each))}
    return bool(decorators & {"property", "cached_property", "setter", "hybrid_property"})


def is_participle(name: str) -> bool:
    first = name.strip("_").split("_")[0].lower()
    if first in ADJECTIVES or name in STANDARD_NAMES:
        return False
    return first in IRREGULAR or (first.endswith(("ed", "ing")) and first not in NOT_PARTICIPLES)


def is_gerund(module_name: str) -> bool:
    last = module_name.rsplit("_", maxsplit=1)[-1]
    return last.endswith("ing") and last not in NOT_PARTICIPLES | MODULE_NOUNS


def test_a_module_name_is_a_noun() -> None:
    paths = [module.path for module in modules() if is_gerund(module.path.stem)]
    findings = [Finding(path, 1, path.name, "a noun, such as `rate_limiter.py`") for path in paths]
    assert not findings, show(findings)


def test_a_function_name_is_an_imperative_verb() -> None:
    findings = [
        Finding(module.path, node.lineno, node.name, "an imperative verb, such as `evaluate_due`")
        for module in modules()
        for node in module.functions
        if is_participle(node.name) and not is_property(node)
    ]
    assert not findings, show(findings)


def test_the_name_of_a_class_or_type_alias_is_used_once() -> None:
    places: defaultdict[str, list[tuple[Path, int]]] = defaultdict(list)
    for module in modules():
        if "sandbox" not in module.path.relative_to(WORKER).parts:
            for line, name in module.types:
                if not name.startswith("_"):
                    places[name].append((module.path, line))
    findings = [
        Finding(path, line, name, "a name that no other module defines")
        for name, found in places.items()
        if len({path for path, _ in found}) > 1 and name not in SHARED_CLASSES
        for path, line in found
    ]
    assert not findings, show(findings)


def test_test_names() -> None:
    findings = []
    for path in sorted(TESTS.rglob("test_*.py")):
        for match in re.finditer(r"^ *(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            line = match.string.count("\n", 0, match.start()) + 1
            findings += find_words(path, match.group(1).replace("_", " "), line)
    assert not findings, show(findings)


# The rules themselves.


@pytest.mark.parametrize(
    "text",
    [
        "Whoever wrote it",
        "the contact, for\nwhom it counts",
        "5 contacts judged anew",
        "clicked 14 marketing e-mails",
        "Filled in a form",
        "none is at work",
        "the key stands here a second time",
        "How do the scores lie?",
        "it mends the properties",
        "0 refused for pace",
        "the list of who is new",
        "recognised by the portal",
    ],
)
def test_dialect_is_found(text: str) -> None:
    assert list(find_words(ROOT / "README.md", text))


@pytest.mark.parametrize(
    "text",
    [
        "a standard property that stands for itself",
        "judged_from_contacts: 200",
        "besides the state, nothing is stored; the worker is based on it",
        "a recommended amendment of the full scan",
        "The contact has no more than three clicks. He who filters wins.",
        "the exit code of the network that works",
        "test_who_is_anew_and_told",
        "the behavior of email clients in the data center; the premise, a promise, an exercise",
        "believed, but not anywhere",
        "an action taken for each contact",
    ],
)
def test_good_english_is_not_found(text: str) -> None:
    assert [str(each) for each in find_words(ROOT / "README.md", text)] == []


def test_a_finding_has_file_line_and_replacement() -> None:
    (finding,) = find_words(ROOT / "README.md", "one\n\nthree e-mails")
    assert str(finding) == "README.md:3: “e-mails”; better: email"


@pytest.mark.parametrize("name", ["judged", "_held", "awaited", "coming", "__told", "known_lists", "remembered_by_id"])
def test_a_participle_is_found(name: str) -> None:
    assert is_participle(name)


@pytest.mark.parametrize(
    "name",
    re.findall(
        r"\w+",
        """embed feed seed_portal need string_of ping evaluate _read __init__ bring_in split_at exceeds desired_json observed_json batched
        _bound_problem swing red""",
    ),
)
def test_a_verb_is_not_a_participle(name: str) -> None:
    assert not is_participle(name)


@pytest.mark.parametrize(("name", "expected"), [("writing", True), ("_row_mapping", True), ("polling", False), ("json_string", False)])
def test_a_gerund_is_found(name: str, *, expected: bool) -> None:
    assert is_gerund(name) is expected


def test_comments_and_strings_of_code_are_separated(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text(
        '"""Docs."""\n\nA = "a # message"  # a comment\n"""Docs of A."""\n\n\ndef run() -> None:\n    """Run."""\n', encoding="utf-8"
    )
    module = parse(file)
    assert module.docstrings == [(1, "Docs."), (4, "Docs of A."), (8, "Run.")]
    assert module.comments == [(3, "# a comment")]
    assert module.messages == [(3, "a # message")]


def test_classes_and_type_aliases_are_found(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text(
        "class A1: ...\nRow = tuple[int, str]\nJson: TypeAlias = Any\nT = TypeVar('T')\nItem = typing.TypeVar('Item')\nLIMIT: Final = 3\n"
        "_Kind = Literal['x']\nlowercase = 1\n",
        encoding="utf-8",
    )
    assert parse(file).types == [(1, "A1"), (2, "Row"), (3, "Json"), (5, "Item"), (7, "_Kind")]
