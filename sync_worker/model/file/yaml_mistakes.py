"""Mistakes in YAML syntax in the words of a marketer, each with its correction; the parser's own words are the last resort."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from ruamel.yaml.error import MarkedYAMLError, StreamMark

_NESTED_VALUE: Final = "mapping values are not allowed here"
_NO_COLON: Final = "could not find expected ':'"
_TAB: Final = r"'\t'"
_SECOND_DOCUMENT: Final = "but found another document"
_BAD_START: Final = ("cannot start any token", "expected alphabetic or numeric character")
_KEY_AND_VALUE: Final = re.compile(r"^(?P<key>[\s{,-]*[\w.]+):\s+(?P<value>\S.*)$")
_KEY_WITHOUT_SPACE: Final = re.compile(r"^\s*(?:- )?(?P<key>[A-Za-z_][\w.]*):(?P<value>[^\s/].*)$")
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_GROUPED_NUMBER: Final = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w.,])")
_BARE_END: Final = re.compile(r"[,\]}]|\s#|$")


class Place(NamedTuple):
    """A position in a file, from 1."""

    line: int
    column: int


class Mistake(NamedTuple):
    """A mistake, with its place and its correction in one sentence."""

    place: Place
    message: str


def place_of(mark: StreamMark) -> Place:
    """Return the place of a mark of the parser."""
    return Place(mark.line + 1, mark.column + 1)


def describe_error(error: Exception, lines: Sequence[str]) -> Mistake:
    """Describe an error of the parser; `lines` are those of the file."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if not isinstance(error, MarkedYAMLError) or mark is None:
        return Mistake(Place(1, 1), f"not valid YAML: {str(error).splitlines()[0]}")
    found = _SyntaxError(error=error, problem=error.problem or "", place=place_of(mark), lines=lines)
    mistakes = (recognize(found) for recognize in _RECOGNIZERS)
    return next(filter(None, mistakes), Mistake(found.place, f"not valid YAML: {found.problem}"))


def describe_alias(name: str, place: Place, lines: Sequence[str]) -> str:
    """Describe an alias, which is often a pattern without quotes."""
    if re.fullmatch(r"[\w-]+", name):
        return f"YAML aliases (*{name}) are not allowed; repeat the value, or put a text that starts with * in quotes"
    return _quote_advice(lines, place)


def find_grouped_number(place: Place, lines: Sequence[str]) -> Mistake | None:
    """Return the mistake if a number with thousands separators is at this place: YAML reads its commas as ends of items."""
    for found in _GROUPED_NUMBER.finditer(_line(lines, place.line)):
        if found.start() < place.column <= found.end():
            advice = f"a number has no separators: {found[0].replace(',', '')}, not {found[0]}"
            return Mistake(Place(place.line, found.start() + 1), advice)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _SyntaxError:
    error: MarkedYAMLError
    problem: str
    place: Place
    lines: Sequence[str]

    @property
    def line(self) -> str:
        return _line(self.lines, self.place.line)

    @property
    def line_above(self) -> tuple[int, str]:
        """The number and the text of the last line above that has content."""
        numbers = range(self.place.line - 1, 0, -1)
        return next(((n, text) for n in numbers if (text := _strip_comment(_line(self.lines, n))).strip()), (0, ""))


def _find_tab(found: _SyntaxError) -> Mistake | None:
    return Mistake(found.place, "this line is indented with a tab; use spaces") if _TAB in found.problem else None


def _find_second_document(found: _SyntaxError) -> Mistake | None:
    return Mistake(found.place, "expected one YAML document, found a second one") if found.problem == _SECOND_DOCUMENT else None


def _find_bare_sign(found: _SyntaxError) -> Mistake | None:
    if not any(words in found.problem for words in _BAD_START):
        return None
    return Mistake(found.place, _quote_advice(found.lines, found.place))


def _find_colon_in_text(found: _SyntaxError) -> Mistake | None:
    if found.problem != _NESTED_VALUE and not found.problem.endswith("but got ':'"):
        return None
    if not _KEY_AND_VALUE.match(found.line[: found.place.column - 1]):
        return None
    pair = _KEY_AND_VALUE.match(_strip_comment(found.line).rstrip())
    if pair is None:
        return None
    advice = f'a text with a colon needs quotes: {pair["key"].strip(" {,-")}: "{_bare_text(pair["value"], in_braces="{" in pair["key"])}"'
    return Mistake(Place(found.place.line, pair.start("value") + 1), advice)


def _find_missing_space(found: _SyntaxError) -> Mistake | None:
    number, text = found.line_above
    pair = _KEY_WITHOUT_SPACE.match(text) if found.problem in (_NESTED_VALUE, _NO_COLON) else None
    if pair is None:
        return None
    return Mistake(Place(number, pair.end("key") + 1), f"a space is missing after the colon: {pair['key']}: {pair['value'].strip()}")


def _find_open_quote(found: _SyntaxError) -> Mistake | None:
    for number, text in enumerate(found.lines[: found.place.line], start=1):
        plain = _strip_comment(text).replace('\\"', "")
        if plain.count('"') % 2:
            return Mistake(Place(number, plain.index('"') + 1), 'this line has a quote (") without its other half')
    return None


def _find_open_bracket(found: _SyntaxError) -> Mistake | None:
    mark, wanted = found.error.context_mark, re.match(r"expected ',' or '([\]}])'", found.problem)
    if mark is None or wanted is None:
        return None
    place = place_of(mark)
    return Mistake(place, f"the {_line(found.lines, place.line)[mark.column : mark.column + 1]} here has no closing {wanted[1]}")


def _find_wrong_indent(found: _SyntaxError) -> Mistake | None:
    if found.problem != _NESTED_VALUE and not found.problem.startswith("expected <block end>"):
        return None
    here, above = _indent(found.line), _indent(found.line_above[1])
    if here == above:
        return None
    advice = f"this line is indented by {_spaces(here)}, the line above by {_spaces(above)}; keys of one block start in the same column"
    return Mistake(Place(found.place.line, here + 1), advice)


def _find_mixed_block(found: _SyntaxError) -> Mistake | None:
    if found.problem != "expected <block end>, but found '-'":
        return None
    return Mistake(found.place, "this line is an item of a list (-), the lines above are keys; a block is either a list or keys")


_RECOGNIZERS: Final[tuple[Callable[[_SyntaxError], Mistake | None], ...]] = (
    _find_tab,
    _find_second_document,
    _find_bare_sign,
    _find_colon_in_text,
    _find_missing_space,
    _find_open_quote,
    _find_open_bracket,
    _find_wrong_indent,
    _find_mixed_block,
)


def _quote_advice(lines: Sequence[str], place: Place) -> str:
    text = _line(lines, place.line)
    bare = _bare_text(text[place.column - 1 :], in_braces=any(sign in text[: place.column - 1] for sign in "[{"))
    return f'a text that starts with {bare[:1]} needs quotes: "{bare}"'


def _bare_text(text: str, *, in_braces: bool) -> str:
    """Return the text of a value without quotes: inside brackets, it ends with a comma or a bracket."""
    plain = _strip_comment(text).strip()
    return plain[: next(_ends(plain))].strip() if in_braces else plain


def _ends(text: str) -> Iterator[int]:
    return (found.start() for found in _BARE_END.finditer(text))


def _line(lines: Sequence[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _strip_comment(text: str) -> str:
    return _COMMENT.sub("", text)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _spaces(number: int) -> str:
    return "1 space" if number == 1 else f"{number} spaces"
