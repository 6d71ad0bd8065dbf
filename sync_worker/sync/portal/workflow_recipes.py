"""What to do with the contacts of each list, as a workflow: the steps in words, and the actions that a draft can have.

docs/recipes.md describes the same workflows in detail. A draft lacks what only the portal knows: its emails, newsletter and sales reps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sync_worker.hubspot.api.workflows import DelayAction, TaskAction, WorkflowAction
from sync_worker.sync.portal.managed_properties import CrmSchema

DAYS_UNTIL_FEEDBACK: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRecipe:
    """The workflow for the list with a key. `steps` follow the trigger."""

    list_key: str
    steps: Sequence[str]
    actions: Sequence[WorkflowAction]


def build_recipes(crm_schema: CrmSchema) -> Iterator[WorkflowRecipe]:
    """Yield the recipes of our lists. The list of the highest band has none: a person looks at it."""
    lowest, *higher = crm_schema.band_names
    yield _nurture(f"band:{lowest}")
    for band in higher[:-1]:
        yield _invite(f"band:{band}")
    yield _call("direct", due="due today", then="Send no marketing email.", subject="Call today: asked to be contacted")
    yield _call(
        "by_score",
        due="due in two business days",
        then="Wait at most 14 days until the lead status is known; if it is not, notify the head of sales.",
        subject="Call: a new marketing qualified lead",
    )
    if crm_schema.feedback:
        yield _ask_for_feedback(crm_schema)


def _nurture(list_key: str) -> WorkflowRecipe:
    return WorkflowRecipe(
        list_key=list_key,
        steps=(
            "Wait a day.",
            "If/then branch on the subscription type of your newsletter, before any email. Contacts that did not opt in end here.",
            "Send the newsletter of the month or the most read article; after 30 days the next one; three emails at most.",
        ),
        actions=(DelayAction(1),),
    )


def _invite(list_key: str) -> WorkflowRecipe:
    return WorkflowRecipe(
        list_key=list_key,
        steps=(
            "Wait a day.",
            "If/then branch: contacts that are registered for the next webinar or event end here.",
            "Send the invitation to contacts that opted in. Wait until the day after the event.",
            "If/then branch on attendance: send the recording, and one offer to those who attended.",
        ),
        actions=(DelayAction(1),),
    )


def _call(list_key: str, *, due: str, then: str, subject: str) -> WorkflowRecipe:
    return WorkflowRecipe(
        list_key=list_key,
        steps=(
            f"Create a task, {due}. Assign it to the contact owner.",
            "Before it, for contacts without an owner: rotate the record to an owner in the sales team.",
            "Notify the owner by email, Slack or the HubSpot app.",
            then,
        ),
        actions=(TaskAction(subject=subject, notes="Score, grade and reasons are on the record of the contact."),),
    )


def _ask_for_feedback(crm_schema: CrmSchema) -> WorkflowRecipe:
    label = crm_schema.feedback_properties[0].label
    return WorkflowRecipe(
        list_key="mql",
        steps=(
            f"Wait {DAYS_UNTIL_FEEDBACK} days.",
            f"Create a task that asks for the property “{label}”. Assign it to the contact owner.",
        ),
        actions=(
            DelayAction(DAYS_UNTIL_FEEDBACK),
            TaskAction(subject="How good was this lead?", notes=f"Please fill in “{label}” on the record of the contact."),
        ),
    )
