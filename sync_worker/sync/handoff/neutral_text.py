"""Text of other people in chat messages: it must not alert a channel, and contains no link of its own."""

from __future__ import annotations

import re
from typing import Final

ZERO_WIDTH_SPACE: Final = "\N{ZERO WIDTH SPACE}"  # ends a mention or an address, and is not visible
# Slack alerts with <!channel> and <@id>, and links with <url|text>; Markdown links with [text](url).
_BRACKETS: Final = str.maketrans("<>[]", "‹›()")
_EMAIL: Final = re.compile(r"\(?[\w.+%'-]+@[\w-]+(\.[\w-]+)+\)?,?")
_MENTION: Final = re.compile(r"(?<!\w)@")  # @here, @everyone
_DOT_OF_ADDRESS: Final = re.compile(r"(?<=\w)\.(?=[^\W\d_]{2})")  # chat services link example.com


def neutralize(text: str) -> str:
    """Return a text in one line, without mentions, markup and links; an email address stays as it is."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(map(_neutralize_word, printable.translate(_BRACKETS).split()))


def _neutralize_word(word: str) -> str:
    if _EMAIL.fullmatch(word):
        return word
    word = _MENTION.sub(f"@{ZERO_WIDTH_SPACE}", word).replace("://", f":{ZERO_WIDTH_SPACE}//")
    return _DOT_OF_ADDRESS.sub(f".{ZERO_WIDTH_SPACE}", word)
