"""Text as it is compared: without case, accents and stray blanks, in any script."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from anyascii import anyascii

# Chinese, Japanese and Korean stay as they are: spelt out in Latin letters, different words become one.
_CJK_CHARACTERS: Final = re.compile(r"[぀-ヿ㐀-鿿가-힯豈-﫿]+")
_WORD_CHARACTER: Final = r"[a-z0-9]"


def normalize_text(text: str) -> str:
    """Return the form in which texts are compared: `  Geschäftsführerin ` is `geschaftsfuhrerin`."""
    composed = unicodedata.normalize("NFKC", text)
    if composed.isascii():
        return " ".join(composed.casefold().split())
    parts, end = [], 0
    for found in _CJK_CHARACTERS.finditer(composed):
        parts += [anyascii(composed[end : found.start()]), found[0]]
        end = found.end()
    parts.append(anyascii(composed[end:]))
    return " ".join("".join(parts).casefold().split())


def glob_pattern(pattern: str) -> str:
    """Return a regular expression for a whole plain text; `*` stands for anything."""
    return f"^{_expand_wildcards(normalize_text(pattern), '.*')}$"


def phrase_pattern(phrase: str) -> str:
    """Return a regular expression that finds a phrase in a plain text, as whole words; `*` stands for letters of a word.

    Scripts without blanks between words have no word boundaries to look for.
    """
    wanted = normalize_text(phrase)
    inner = _expand_wildcards(wanted, f"{_WORD_CHARACTER}*")
    before = r"\b" if re.match(_WORD_CHARACTER, wanted) else ""
    after = r"\b" if re.search(f"{_WORD_CHARACTER}$", wanted) else ""
    return f"{before}{inner}{after}"


def _expand_wildcards(pattern: str, anything: str) -> str:
    return anything.join(re.escape(part) for part in pattern.split("*"))
