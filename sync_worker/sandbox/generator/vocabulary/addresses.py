"""Email addresses: reserved domains for companies, real free-mail and university domains with fictional names."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Final

from sync_worker.sandbox.generator.seeded_random import pick
from sync_worker.sandbox.generator.vocabulary.job_titles import LANGUAGES
from sync_worker.sandbox.generator.vocabulary.names import Name

FREE_MAIL_DOMAINS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("gmail.com", "outlook.com", "yahoo.com", "icloud.com"),
    "de": ("gmx.de", "web.de", "gmail.com", "t-online.de"),
    "fr": ("gmail.com", "orange.fr", "hotmail.fr", "free.fr"),
    "es": ("gmail.com", "hotmail.com", "yahoo.es"),
    "it": ("libero.it", "gmail.com", "hotmail.it"),
    "ca": ("gmail.com", "hotmail.com"),
    "zh": ("qq.com", "163.com", "126.com"),
}
ACADEMIC_DOMAINS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("mit.edu", "stanford.edu", "ox.ac.uk", "cam.ac.uk"),
    "de": ("tum.de", "uni-heidelberg.de", "rwth-aachen.de", "ethz.ch", "univie.ac.at"),
    "fr": ("sorbonne-universite.fr", "univ-lyon1.fr", "kuleuven.be"),
    "es": ("ucm.es", "uam.es", "us.es"),
    "it": ("unibo.it", "polimi.it", "uniroma1.it"),
    "ca": ("ub.edu", "upc.edu", "uab.cat"),
    "zh": ("tsinghua.edu.cn", "pku.edu.cn"),
}
DISPOSABLE_DOMAINS: Final = dict.fromkeys(LANGUAGES, ("mailinator.com", "guerrillamail.com", "yopmail.com"))
#: Competitors of the portal's owner.
COMPETITOR_DOMAINS: Final = dict.fromkeys(LANGUAGES, ("leadforge.example", "scorepilot.example", "gradewise.example"))


def private_address(rng: Random, domains: tuple[str, ...], full_name: tuple[Name, Name], number: int) -> str:
    """Return an address at a public provider; the number keeps it from being a real address."""
    first, last = full_name
    return f"{first.latin}.{last.latin}.madeup{number}@{pick(rng, domains)}"


def work_address(domain: str, full_name: tuple[Name, Name], used_addresses: set[str]) -> str:
    """Return a company address that is not in `used_addresses`, and add it."""
    first, last = full_name
    address, suffix = f"{first.latin}.{last.latin}@{domain}", 1
    while address in used_addresses:
        suffix += 1
        address = f"{first.latin}.{last.latin}{suffix}@{domain}"
    used_addresses.add(address)
    return address
