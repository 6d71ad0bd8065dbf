"""The parts of a multipart/form-data body."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPart:
    """One field or file of a form."""

    name: str
    filename: str | None
    content: bytes


def parse_parts(body: bytes, content_type: str) -> list[FormPart]:
    """Return the parts of a body, none where it is not multipart."""
    kind = Message()
    kind["Content-Type"] = content_type.replace("\n", " ").replace("\r", " ")
    boundary = kind.get_boundary()
    if kind.get_content_maintype() != "multipart" or not boundary:
        return []
    # What stands before the first boundary and behind the last belongs to no part.
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode(errors="replace"))[1:-1]
    return [part for piece in pieces if (part := _parse_part(piece)) is not None]


def _parse_part(raw_part: bytes) -> FormPart | None:
    head, divided, content = raw_part.partition(b"\r\n\r\n")
    named = BytesHeaderParser().parsebytes(head.lstrip(b" \t\r\n"))
    name: Any = named.get_param("name", header="content-disposition")
    return FormPart(name=name, filename=named.get_filename(), content=content) if divided and isinstance(name, str) else None
