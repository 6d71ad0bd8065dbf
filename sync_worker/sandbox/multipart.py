"""The parts of a multipart/form-data body."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One field or file of a form."""

    name: str
    filename: str | None
    content: bytes


def parts(body: bytes, content_type: str) -> list[Part]:
    """Return the parts of a body, none where it is not multipart."""
    message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    return [part for item in message.walk() if item is not message and (part := _part(item)) is not None]


def _part(item: Message) -> Part | None:
    name = item.get_param("name", header="content-disposition")
    content = item.get_payload(decode=True)
    if not isinstance(name, str) or not isinstance(content, bytes):
        return None
    return Part(name=name, filename=item.get_filename(), content=content)
