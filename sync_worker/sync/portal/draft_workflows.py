"""Create a workflow for each list, switched off, for a person to finish and to switch on. Existing workflows are never changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from sync_worker.errors import BadRequest, Forbidden, NotFound
from sync_worker.hubspot.api.workflows import NewWorkflow, Workflow
from sync_worker.hubspot.client import HubSpot
from sync_worker.store.database import Store
from sync_worker.sync.portal import ownership
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.sync.portal.workflow_recipes import WorkflowRecipe, build_recipes

PLAN_HINT: Final = "HubSpot has workflows from the Professional plan of any hub on."

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftWorkflow:
    """The workflow of one of our lists. `other_names` are its names in the other languages of the model."""

    name: str
    list_name: str
    recipe: WorkflowRecipe
    other_names: frozenset[str] = frozenset()

    @property
    def steps(self) -> Sequence[str]:
        """The whole workflow in words, the trigger included."""
        trigger = f"Trigger: the contact is a member of the list “{self.list_name}”. A contact that leaves the list leaves the workflow."
        return (trigger, *self.recipe.steps, "Switch it on for future members only.")

    @property
    def description(self) -> str:
        """The text that a user reads about the draft in HubSpot."""
        return " ".join(f"{number}. {step}" for number, step in enumerate(self.steps, start=1))

    def as_json(self) -> dict[str, object]:
        """Return the workflow for `--json`."""
        return {"name": self.name, "list": self.list_name, "steps": list(self.steps)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPlan:
    """The drafts that exist, those to create (after `create_drafts`: the created ones), and those that HubSpot refused, with the reason."""

    existing: Sequence[DraftWorkflow] = ()
    new: Sequence[DraftWorkflow] = ()
    refused: Sequence[DraftWorkflow] = ()
    refusal: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the plan for `--json`."""
        groups = {"existing": self.existing, "new": self.new, "refused": self.refused}
        return {**{name: [draft.as_json() for draft in drafts] for name, drafts in groups.items()}, "refusal": self.refusal or None}


def plan_drafts(hubspot: HubSpot, crm_schema: CrmSchema, known_ids: Mapping[str, str]) -> DraftPlan:
    """Return which drafts are missing. `known_ids` are the ids of earlier drafts by the keys of their lists."""
    drafts = list(_build_drafts(crm_schema))
    try:
        workflows = hubspot.workflows.list_all()
    except (Forbidden, NotFound) as error:
        return DraftPlan(refused=drafts, refusal=_explain(error))
    existing = [draft for draft in drafts if _exists(draft, workflows, known_ids)]
    return DraftPlan(existing=existing, new=[draft for draft in drafts if draft not in existing])


def create_drafts(plan: DraftPlan, store: Store, hubspot: HubSpot) -> DraftPlan:
    """Create the missing drafts, switched off; the lists must exist. Return the plan with those that were created."""
    list_ids = ownership.load_ownership(store).list_ids
    for number, draft in enumerate(plan.new):
        try:
            created = hubspot.workflows.create_off(_define(draft, list_ids))
        except (Forbidden, BadRequest, NotFound) as error:
            return replace(plan, new=plan.new[:number], refused=plan.new[number:], refusal=_explain(error))
        ownership.save_workflow_id(store, draft.recipe.list_key, created.id)
        log.info("portal.updated", action="create", what="workflow", name=draft.name, why="missing")
    return plan


def _build_drafts(crm_schema: CrmSchema) -> Iterator[DraftWorkflow]:
    for recipe in build_recipes(crm_schema):
        list_name = crm_schema.list_names[recipe.list_key]
        other_names = frozenset(map(_name_draft, crm_schema.legacy_names(recipe.list_key)))
        yield DraftWorkflow(name=_name_draft(list_name), list_name=list_name, recipe=recipe, other_names=other_names)


def _name_draft(list_name: str) -> str:
    return f"Lead scoring: {list_name}"


def _exists(draft: DraftWorkflow, workflows: Sequence[Workflow], known_ids: Mapping[str, str]) -> bool:
    """Return whether a draft exists, also under a name that a user gave it, or in another language of the model."""
    names = {name.casefold() for name in (draft.name, *draft.other_names)}
    return any(each.id == known_ids.get(draft.recipe.list_key) or each.name.casefold() in names for each in workflows)


def _define(draft: DraftWorkflow, list_ids: Mapping[str, str]) -> NewWorkflow:
    list_id = list_ids[draft.recipe.list_key]
    return NewWorkflow(name=draft.name, description=draft.description, list_id=list_id, actions=draft.recipe.actions)


def _explain(error: Forbidden | BadRequest | NotFound) -> str:
    return f"{error} {PLAN_HINT}" if isinstance(error, Forbidden) else str(error)
