"""Lifecycle stages go forward only; hubspot-api.md section 5."""

from __future__ import annotations

from sync_worker.sandbox.properties.property_definitions import PropertyDefinition

STAGE_PROPERTY = "lifecyclestage"
INITIAL_STAGE = "lead"  # of a contact that is created without one


def is_backward(definition: PropertyDefinition, current: str | None, proposed: str | None) -> bool:
    """Tell whether a stage lies before the current one in the portal's order; clearing never does."""
    order = definition.option_values()
    return current in order and proposed in order and order.index(proposed) < order.index(current)


def furthest_stage(definition: PropertyDefinition, *stages: str | None) -> str | None:
    """Return the stage that lies furthest in the portal's order."""
    order = definition.option_values()
    known = [stage for stage in stages if stage in order]
    return max(known, key=order.index) if known else None


def stage_date_properties(stage: str) -> tuple[str, ...]:
    """Return the properties that say when a contact reached a stage."""
    return (f"hs_lifecyclestage_{stage}_date", f"hs_v2_date_entered_{stage}")
