"""What kinds of people a portal has, and how they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sync_worker.sandbox.generator import addresses
from sync_worker.sandbox.generator.seeded_random import shares
from sync_worker.sandbox.generator.website import BUYER, COMPETITOR, JOB_SEEKER, PRIVATE, STUDENT, Taste


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of people; shares and chances are 0..1."""

    name: str
    taste: Taste  # for the pages of the website
    employed: bool = False  # by a company of the portal
    providers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of e-mail by language, for those not employed
    addressed: bool = True  # their e-mail address is known
    lean: float = 0.0  # towards more interest than others have
    fit: float = 0.0  # of those who are not employed
    titled: float = 0.88  # share whose job title is known
    asks: bool = False  # for a contact or a demo
    managed: bool = False  # somebody in the portal looks after their lifecycle stage


STUDENTS: Final = Kind(name="student", taste=STUDENT, providers=addresses.ACADEMIC, lean=0.05)

KINDS: Final = shares(
    [
        (Kind(name="business", taste=BUYER, employed=True, asks=True, managed=True), 68),
        (Kind(name="private", taste=PRIVATE, providers=addresses.FREE_MAIL, lean=-0.03, fit=0.2, titled=0.4, asks=True), 11),
        (STUDENTS, 8),
        (Kind(name="job seeker", taste=JOB_SEEKER, providers=addresses.FREE_MAIL, fit=0.05, titled=0.6), 4),
        (Kind(name="without address", taste=BUYER, employed=True, addressed=False, lean=-0.02, managed=True), 6),
        (Kind(name="competitor", taste=COMPETITOR, providers=addresses.COMPETITORS, lean=0.15), 1.5),
        (Kind(name="disposable", taste=PRIVATE, providers=addresses.DISPOSABLE, titled=0.4, asks=True), 1.5),
    ]
)
