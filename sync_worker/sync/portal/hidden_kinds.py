"""The kinds of event that a portal does not show as single events."""

from __future__ import annotations

from typing import Final

from sync_worker.model.compiled.facts import SUBSCRIPTIONS

PAGE_VIEW: Final = "page_view"


def select_hidden_kinds(
    kinds: frozenset[str], *, shows_occurrences: bool, shows_page_views: bool = True, shows_subscriptions: bool = True
) -> frozenset[str]:
    """Return those of a model's `source_kinds` that a portal does not show.

    Single page views and custom events require an Enterprise plan, subscriptions Marketing Hub Starter.
    """
    hidden = frozenset() if shows_occurrences else frozenset(kind for kind in kinds if kind.startswith("custom:"))
    hidden |= frozenset() if shows_subscriptions else kinds & {SUBSCRIPTIONS}
    return hidden if shows_occurrences and shows_page_views else hidden | (kinds & {PAGE_VIEW})
