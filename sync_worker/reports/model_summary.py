"""Summary of a model file: score range, bands, the data it reads, its warnings, and how it fits the portal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sync_worker.errors import ExitCode, ModelError
from sync_worker.model.compiled.model import Model
from sync_worker.sync.portal.model_check import ModelCheck
from sync_worker.sync.portal.setup import SetupStep


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalFit:
    """What the model cannot use on the portal, and what `setup` would change there."""

    not_visible: Sequence[str]
    unreachable_criteria: Sequence[str]
    setup: Sequence[SetupStep]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """A valid model. Scores are points; `reachable` is the maximum that a contact can reach, on the portal if it was checked."""

    file: Path
    name: str
    hash: str
    maximum: float
    reachable: float
    minimum: float
    threshold: float
    bands: Sequence[str]
    events: Sequence[str]
    properties: Sequence[str]
    warnings: Sequence[str]
    portal: PortalFit | None

    @property
    def exit_code(self) -> ExitCode:
        """Return DONE: an invalid model raises ModelError."""
        return ExitCode.DONE

    def as_json(self) -> dict[str, Any]:
        """Return the summary for `--json`."""
        summary = {
            "file": str(self.file),
            "name": self.name,
            "hash": self.hash,
            "maximum": self.maximum,
            "reachable": self.reachable,
            "minimum": self.minimum,
            "threshold": self.threshold,
            "bands": list(self.bands),
            "events": list(self.events),
            "properties": list(self.properties),
            "warnings": list(self.warnings),
        }
        if self.portal is None:
            return summary
        return summary | {
            "not_visible": list(self.portal.not_visible),
            "unmet": list(self.portal.unreachable_criteria),
            "setup": [step.as_json() for step in self.portal.setup],
        }


def summarize_model(model: Model, file: Path, *, check: ModelCheck | None = None, setup_steps: Sequence[SetupStep] = ()) -> ModelSummary:
    """Return the summary of a model; with `check`, also how it fits the portal.

    Raises ModelError if the portal lacks an object that the model names.
    """
    if check and check.errors:
        raise ModelError("\n".join([*check.errors, *check.warnings]), hint="\nCorrect the model, or create these objects in HubSpot.")
    fit = PortalFit(not_visible=check.not_visible, unreachable_criteria=check.unreachable_criteria, setup=setup_steps) if check else None
    return ModelSummary(
        file=file,
        name=model.document.name,
        hash=model.hash,
        maximum=float(model.maximum),
        reachable=float(check.reachable_score if check else model.reachable_maximum()),
        minimum=float(model.minimum),
        threshold=float(model.document.qualification.threshold),
        bands=[f"{band.name} from {band.from_}" for band in model.bands],
        events=sorted(model.event_kinds),
        properties=sorted({*model.contact_properties, *(f"company.{name}" for name in model.company_properties)}),
        warnings=[*model.warnings, *(check.warnings if check else ())],
        portal=fit,
    )
