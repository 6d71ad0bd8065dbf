"""Parser of multipart/form-data bodies."""

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
    """Return the parts of a body; an empty list if it is not multipart."""
    header = Message()
    header["Content-Type"] = content_type.replace("\n", " ").replace("\r", " ")
    boundary = header.get_boundary()
    if header.get_content_maintype() != "multipart" or not boundary:
        return []
    # The bytes before the first boundary and after the last are not part of the form.
    raw_parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode(errors="replace"))[1:-1]
    return [part for raw_part in raw_parts if (part := _parse_part(raw_part)) is not None]


def _parse_part(raw_part: bytes) -> FormPart | None:
    head, separator, content = raw_part.partition(b"\r\n\r\n")
    headers = BytesHeaderParser().parsebytes(head.lstrip(b" \t\r\n"))
    name: Any = headers.get_param("name", header="content-disposition")
    return FormPart(name=name, filename=headers.get_filename(), content=content) if separator and isinstance(name, str) else None
