"""Personas: kinds of people in a generated portal and their behavior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sync_worker.sandbox.generator.seeded_random import expand_weights
from sync_worker.sandbox.generator.vocabulary import addresses
from sync_worker.sandbox.generator.vocabulary.website import (
    BUYER_PAGES,
    COMPETITOR_PAGES,
    JOB_SEEKER_PAGES,
    PRIVATE_PAGES,
    STUDENT_PAGES,
    PageWeights,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """A kind of people; shares, chances and fit are 0..1."""

    name: str
    page_weights: PageWeights  # visited pages, repeated by weight
    is_employed: bool = False  # whether a company of the portal employs them
    email_domains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # email domains by language, if not employed
    has_email: bool = True  # whether their email address is known
    engagement_bias: float = 0.0  # positive values make high engagement levels more likely
    fit: float = 0.0  # fit if not employed
    job_title_share: float = 0.88  # share with a known job title
    requests_contact: bool = False  # whether they request a contact or a demo
    has_managed_stage: bool = False  # whether users maintain their lifecycle stage


STUDENT_PERSONA: Final = Persona(name="student", page_weights=STUDENT_PAGES, email_domains=addresses.ACADEMIC_DOMAINS, engagement_bias=0.05)

WEIGHTED_PERSONAS: Final = expand_weights(
    [
        (Persona(name="business", page_weights=BUYER_PAGES, is_employed=True, requests_contact=True, has_managed_stage=True), 68),
        (
            Persona(
                name="private",
                page_weights=PRIVATE_PAGES,
                email_domains=addresses.FREE_MAIL_DOMAINS,
                engagement_bias=-0.03,
                fit=0.2,
                job_title_share=0.4,
                requests_contact=True,
            ),
            11,
        ),
        (STUDENT_PERSONA, 8),
        (
            Persona(
                name="job seeker", page_weights=JOB_SEEKER_PAGES, email_domains=addresses.FREE_MAIL_DOMAINS, fit=0.05, job_title_share=0.6
            ),
            4,
        ),
        (
            Persona(
                name="without address",
                page_weights=BUYER_PAGES,
                is_employed=True,
                has_email=False,
                engagement_bias=-0.02,
                has_managed_stage=True,
            ),
            6,
        ),
        (Persona(name="competitor", page_weights=COMPETITOR_PAGES, email_domains=addresses.COMPETITOR_DOMAINS, engagement_bias=0.15), 1.5),
        (
            Persona(
                name="disposable",
                page_weights=PRIVATE_PAGES,
                email_domains=addresses.DISPOSABLE_DOMAINS,
                job_title_share=0.4,
                requests_contact=True,
            ),
            1.5,
        ),
    ]
)
