"""The numbers of a plan, with its gravest changes in detail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sync_worker.sync.plan.contact_names import NO_NAME, ContactName
from sync_worker.sync.plan.plan import Consequence, ContactChange, ListChange, hide_texts

MAX_SAMPLES: Final = 20  # changes that a plan shows in detail


@dataclass(slots=True)
class PlanSummary:
    """The numbers of a plan. `names` are those of the sampled contacts, if known; they are never logged or saved."""

    contacts: int = 0
    substantive: int = 0  # contacts with substantive changes, without repairs: contacts whose facts an earlier read had missed
    new_mqls: int = 0
    unexpected_mqls: int = 0  # new MQLs without repairs
    properties: Counter[str] = field(default_factory=Counter)
    consequences: Counter[Consequence] = field(default_factory=Counter)  # contacts by their gravest change
    stages: int = 0
    lists: dict[str, dict[str, int]] = field(default_factory=dict)
    names: Mapping[int, ContactName] = field(default_factory=dict)
    _gravest: list[ContactChange] = field(default_factory=list)

    @property
    def samples(self) -> Sequence[ContactChange]:
        """Return the gravest changes, the most important first; of equal ones the lower id. Changes of the model's name are not shown."""
        return sorted(self._gravest, key=_rank)[:MAX_SAMPLES]

    @property
    def is_empty(self) -> bool:
        """Return whether nothing would change."""
        return not self.contacts and not self.lists

    def add_contact_change(self, change: ContactChange, *, is_repair: bool = False) -> None:
        """Add the change of a contact."""
        self.contacts += 1
        self.substantive += change.is_substantive and not is_repair
        self.new_mqls += change.new_mql
        self.unexpected_mqls += change.new_mql and not is_repair
        self.consequences[change.consequence] += 1
        for name in change.properties:  # faster than Counter.update
            self.properties[name] += 1
        self.stages += change.new_stage is not None
        if change.consequence is not Consequence.MODEL_NAME:
            self._gravest.append(change)
            if len(self._gravest) > 10 * MAX_SAMPLES:  # few are sorted at once, and few are in memory
                self._gravest = list(self.samples)

    def add_list_change(self, change: ListChange) -> None:
        """Add the change of a list."""
        self.lists[change.name] = {"add": len(change.add), "remove": len(change.remove)}

    def hide_names(self) -> None:
        """Remove names and addresses, and the texts in which a user may have written some."""
        self.names, self._gravest = {}, [hide_texts(change) for change in self.samples]

    def as_json(self, *, names: bool = False) -> dict[str, object]:
        """Return the plan for `--json`; with `names`, the samples have the names of contacts, and texts."""
        return {
            "contacts": self.contacts,
            "new_mqls": self.new_mqls,
            "properties": dict(self.properties),
            "consequences": {kind.name.lower(): self.consequences[kind] for kind in Consequence if self.consequences[kind]},
            "stages": self.stages,
            "lists": self.lists,
            "samples": [self._sample_json(change, names=names) for change in self.samples],
        }

    def _sample_json(self, change: ContactChange, *, names: bool) -> dict[str, object]:
        shown = change if names else hide_texts(change)
        changes = {name: {"from": before, "to": after} for name, (before, after) in shown.properties.items()}
        name = self.names.get(change.id, NO_NAME).as_json() if names else {}
        return {"id": str(change.id), **name, "consequence": change.consequence.name.lower(), "changes": changes}


def _rank(change: ContactChange) -> tuple[int, int]:
    return change.consequence, change.id
