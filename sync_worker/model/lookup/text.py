"""Normalization of texts for comparison: no case, no accents, no extra spaces, in any script."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from anyascii import anyascii

# Chinese, Japanese and Korean are not transliterated, because different words would become equal.
_CJK_CHARACTERS: Final = re.compile(r"[぀-ヿ㐀-鿿가-힯豈-﫿]+")
_WORD_CHARACTER: Final = r"[a-z0-9]"
_BETWEEN_WORDS: Final = "[ _-]+"


def normalize_text(text: str) -> str:
    """Return the normalized text: `  Geschäftsführerin ` becomes `geschaftsfuhrerin`."""
    composed = unicodedata.normalize("NFKC", text)
    if composed.isascii():
        return " ".join(composed.casefold().split())
    parts, end = [], 0
    for cjk in _CJK_CHARACTERS.finditer(composed):
        parts += [anyascii(composed[end : cjk.start()]), cjk[0]]
        end = cjk.end()
    parts.append(anyascii(composed[end:]))
    return " ".join("".join(parts).casefold().split())


def glob_pattern(pattern: str) -> str:
    """Return a regular expression for a whole normalized text; `*` matches any characters."""
    return f"^{_expand_wildcards(normalize_text(pattern), '.*')}$"


def phrase_pattern(phrase: str) -> str:
    """Return a regular expression that finds a phrase as whole words in a normalized text; `*` matches letters of a word.

    Spaces, hyphens and underscores between words are equal. Scripts without spaces between words have no word boundaries to check.
    """
    text = normalize_text(phrase)
    words = [_expand_wildcards(word, f"{_WORD_CHARACTER}*") for word in re.split(_BETWEEN_WORDS, text)]
    before = "(?:^|[^a-z0-9])" if re.match(_WORD_CHARACTER, text) else ""
    after = "(?:$|[^a-z0-9])" if re.search(f"{_WORD_CHARACTER}$", text) else ""
    return f"{before}{_BETWEEN_WORDS.join(words)}{after}"


def _expand_wildcards(pattern: str, anything: str) -> str:
    return anything.join(re.escape(part) for part in pattern.split("*"))
