"""What an endpoint is: a method, its paths, who may call it, what it counts to, and the function that answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from starlette.responses import Response

from sync_worker.sandbox.request.request import Call

Answer = Callable[[Call], Response]
Policy = Literal["burst", "search", "exempt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation of one API, in all its versions.

    `{kind}` in a scope stands for the object type in the path.
    """

    api: str
    method: str
    suffix: str
    answer: Answer
    scopes: tuple[str, ...] = ()  # any of them; none: every token may
    every_scope: bool = False
    policy: Policy = "burst"
