"""The data of a portal that models need."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from sync_worker.model.compiled.facts import SUBSCRIPTIONS
from sync_worker.model.compiled.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInputs:
    """What one or several models need; the attributes are those of `Model`."""

    contact_properties: frozenset[str]
    company_properties: frozenset[str]
    event_kinds: frozenset[str]
    uses_subscriptions: bool

    @property
    def source_kinds(self) -> frozenset[str]:
        """What the models need and a portal can hide: the recorded kinds of event, and `SUBSCRIPTIONS`."""
        return self.event_kinds | ({SUBSCRIPTIONS} if self.uses_subscriptions else frozenset())


def select_inputs(model: Model, hidden_kinds: frozenset[str]) -> ModelInputs:
    """Return what the verdicts of a model depend on if a portal hides these kinds of event.

    HubSpot updates its counters at any time; where it shows the single events, they do not matter.
    """
    return replace(combine_inputs([model]), contact_properties=model.select_contact_properties(hidden_kinds))


def combine_inputs(models: Collection[Model]) -> ModelInputs:
    """Return what all of these models need together."""
    return ModelInputs(
        contact_properties=frozenset[str]().union(*(model.contact_properties for model in models)),
        company_properties=frozenset[str]().union(*(model.company_properties for model in models)),
        event_kinds=frozenset[str]().union(*(model.event_kinds for model in models)),
        uses_subscriptions=any(model.uses_subscriptions for model in models),
    )
