"""Order and dates of lifecycle stages; hubspot-api.md section 5."""

from __future__ import annotations

from sync_worker.sandbox.properties.property_definitions import PropertyDefinition

STAGE_PROPERTY = "lifecyclestage"
INITIAL_STAGE = "lead"  # stage of a new contact


def is_backward(definition: PropertyDefinition, current: str | None, proposed: str | None) -> bool:
    """Return whether a stage is earlier than the current one in the portal's order; clearing is not a backward move."""
    order = definition.option_values()
    return current in order and proposed in order and order.index(proposed) < order.index(current)


def furthest_stage(definition: PropertyDefinition, *stages: str | None) -> str | None:
    """Return the latest stage in the portal's order."""
    order = definition.option_values()
    known = [stage for stage in stages if stage in order]
    return max(known, key=order.index) if known else None


def stage_date_properties(stage: str) -> tuple[str, ...]:
    """Return the properties for the date at which a contact reached a stage."""
    return (f"hs_lifecyclestage_{stage}_date", f"hs_v2_date_entered_{stage}")
