"""What the result of a write means for the state: the values that HubSpot shows now, and the parts of a contact that it rejected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import orjson

from sync_worker.hubspot.records.models import CauseKind, RejectionCause, WriteAck
from sync_worker.store.writes.differences import AcknowledgedContact
from sync_worker.store.writes.rejections import PROPERTIES, STAGE, Rejection
from sync_worker.store.writes.undo_log import Answer
from sync_worker.sync.plan.plan import STAGE_PROPERTY, ContactChange, InvalidValue
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.timestamps import to_ms

ALTERED_REASON: Final = "HubSpot accepted the values and shows others; they are not sent again until they change."
ALTERED_TRIES: Final = 2  # the first reply may be an old one

Causes = Mapping[str, RejectionCause]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactResult:
    """The result of one change. `causes`: rejected property → cause."""

    change: ContactChange
    row: AcknowledgedContact | None  # None: HubSpot acknowledged nothing
    causes: Causes
    is_altered: bool = False  # HubSpot shows other values than those that it accepted

    @property
    def is_plain(self) -> bool:
        """Whether HubSpot accepted and shows all values, and none was left out."""
        return not (self.causes or self.change.left_out or self.is_altered)

    @property
    def rejections(self) -> list[Rejection]:
        """The rejected parts. Properties and stage are rejected independently of each other."""
        if self.is_plain:
            return []
        return [*self._stage_rejection(), *self._properties_rejection()]

    @property
    def accepted_parts(self) -> list[str]:
        """The parts of which nothing is rejected any longer."""
        if not self.row:
            return []
        rejected = {rejection.part for rejection in self.rejections}
        sent = {STAGE if name == STAGE_PROPERTY else PROPERTIES for name in self.change.properties}
        return sorted(sent - rejected)

    @property
    def answers(self) -> dict[str, Answer | None]:
        """HubSpot's answer to each property that was sent; None: accepted as sent."""
        if self.is_plain and self.change.new_stage is None:
            return dict.fromkeys(self.change.properties)
        shown: dict[str, str] = orjson.loads(self.row.observed) if self.row and self.row.observed else {}
        if self.row and self.row.stage is not None:
            shown[STAGE_PROPERTY] = self.row.stage
        return {name: self._answer(name, values, shown) for name, values in self.change.properties.items()}

    def _answer(self, name: str, values: tuple[str, str], shown: Mapping[str, str]) -> Answer | None:
        before, after = values
        if name in self.causes:
            return Answer(f"rejected: {self.causes[name].reason}", before)
        if name == STAGE_PROPERTY and self.row and self.row.stage_given is None:
            return Answer("not sent: a user has moved the contact to another stage", shown.get(name))
        return None if shown.get(name, after) == after else Answer("altered", shown[name])

    @property
    def retry(self) -> ContactChange | None:
        """The change to send again within the run, or None: rejections that are not temporary wait for a later run."""
        if all(cause.kind is not CauseKind.TEMPORARY for cause in self.causes.values()):
            return None
        properties = {name: self.change.properties[name] for name, cause in self.causes.items() if cause.kind is not CauseKind.VALUE}
        return replace(self.change, properties=properties, left_out=self._invalid_values())

    def _stage_rejection(self) -> list[Rejection]:
        cause, stage = self.causes.get(STAGE_PROPERTY), self.change.new_stage
        if cause is None or stage is None:
            return []
        return [Rejection(self.change.id, STAGE, stage, cause.reason, max_tries=1 if cause.kind is CauseKind.VALUE else None)]

    def _properties_rejection(self) -> list[Rejection]:
        causes = {name: cause for name, cause in self.causes.items() if name != STAGE_PROPERTY}
        invalid = self._invalid_values()
        reasons = {cause.reason for cause in causes.values()} | {value.reason for value in invalid.values()}
        if not reasons and self.is_altered:
            return [Rejection(self.change.id, PROPERTIES, self.change.desired, ALTERED_REASON, max_tries=ALTERED_TRIES)]
        if not reasons:
            return []
        is_final = all(cause.kind is CauseKind.VALUE for cause in causes.values())
        values = {name: (value.desired, value.reason) for name, value in invalid.items()}
        return [
            Rejection(
                self.change.id,
                PROPERTIES,
                self.change.desired,
                "; ".join(sorted(reasons)),
                max_tries=1 if is_final else None,
                invalid=orjson.dumps(values).decode() if values else None,
            )
        ]

    def _invalid_values(self) -> dict[str, InvalidValue]:
        new = {
            name: InvalidValue(*self.change.properties[name], cause.reason)
            for name, cause in self.causes.items()
            if cause.kind is CauseKind.VALUE and name != STAGE_PROPERTY
        }
        return {**self.change.left_out, **new}


def build_result(
    crm_schema: CrmSchema, change: ContactChange, ack: WriteAck | None, causes: Causes, *, kept_stage: str | None = None
) -> ContactResult:
    """Return the result of a change. `kept_stage`: the stage that a user has set in the meantime."""
    if ack is None:
        return ContactResult(change=change, row=None, causes=causes)
    is_plain = change.new_stage is None and not causes and not change.left_out
    if is_plain and ack.properties.items() <= change.values.items():  # the usual case
        return ContactResult(
            change=change, causes=causes, row=AcknowledgedContact(change.id, change.desired, None, None, to_ms(ack.updated_at))
        )
    kept = {name: before for name, (before, _, _) in change.left_out.items()} | {name: change.properties[name][0] for name in causes}
    returned = {**ack.properties, **kept}
    given = None if kept_stage or STAGE_PROPERTY in causes else change.new_stage
    stage = kept_stage or ((returned.get(STAGE_PROPERTY) or given) if given else None)
    observed, expected = None, None
    if change.properties.keys() - {STAGE_PROPERTY}:
        desired = orjson.loads(change.desired)
        expected = crm_schema.observed_json({**desired, **kept})
        # Properties that the reply omits have the sent value.
        observed = crm_schema.observed_json(
            {**desired, **{name: returned.get(name, after) for name, (_, after) in change.properties.items()}, **kept}
        )
    row = AcknowledgedContact(change.id, observed, stage, given, to_ms(ack.updated_at))
    return ContactResult(change=change, row=row, causes=causes, is_altered=observed != expected)
