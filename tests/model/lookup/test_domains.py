from __future__ import annotations

import pytest

from sync_worker.model.lookup.domains import DomainMatcher


@pytest.mark.parametrize(("domain", "included"), [("ac.uk", True), ("mit.ac.uk", True), ("ac.com", False), ("ac.x", False), ("ac", False)])
def test_the_star_of_an_entry_means_a_country_code(domain: str, *, included: bool) -> None:
    assert (domain in DomainMatcher(entries=frozenset({"ac.*"}))) is included
