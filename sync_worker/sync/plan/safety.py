"""Limits on the changes of one run: a plan that exceeds them is refused with its numbers before it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sync_worker.errors import UnsafePlan

OVERRIDE_HINT: Final = (
    "Run `sync-worker sync --dry-run` to see the plan. If the change is intended, run the command again with --allow-large; "
    "with a service, run `sync-worker sync --allow-large`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyLimits:
    """The largest shares of the contacts, 0 to 1, that one plan may change and may make new MQLs.

    With fewer than `min_contacts`, the shares are not checked. `max_new_mqls` is the largest number of new MQLs in one plan.
    Repairs, contacts whose facts an earlier read had missed, count for `max_new_mqls` only.
    """

    max_changed_share: float = 0.5
    max_new_mqls_share: float = 0.1
    max_new_mqls: int | None = None
    min_contacts: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Checks a plan against the limits. On the first run all contacts change, so only new MQLs are checked."""

    limits: SafetyLimits
    is_first_run: bool = False
    disabled: bool = False

    @property
    def allows_early_writes(self) -> bool:
        """Return whether changes that make no contact an MQL may be written before the whole plan is known."""
        return self.is_first_run or self.disabled

    def violation(self, *, contacts: int, changed: int, new_mqls: int, unexpected_mqls: int) -> str | None:
        """Return the exceeded limits of a plan as a sentence, or None.

        All parameters are numbers of contacts. `changed` and `unexpected_mqls` do not count repairs; `new_mqls` does.
        """
        if self.disabled:
            return None
        limit = self.limits.max_new_mqls
        violations = [f"make {new_mqls:,} new MQLs, and max_new_mqls is {limit:,}"] if limit is not None and new_mqls > limit else []
        violations += [
            f"{verb} {number:,} of {contacts:,} contacts ({number / contacts:.1%}), and {setting} is {max_share:.1%}"
            for verb, number, max_share, setting in (
                ("change", 0 if self.is_first_run else changed, self.limits.max_changed_share, "max_changed_share"),
                ("make new MQLs of", unexpected_mqls, self.limits.max_new_mqls_share, "max_new_mqls_share"),
            )
            if contacts >= self.limits.min_contacts and number > max_share * contacts
        ]
        return f"The plan would {'; it would '.join(violations)}." if violations else None

    def check(self, *, contacts: int, changed: int, new_mqls: int, unexpected_mqls: int, partially_written: bool = False) -> None:
        """Raise UnsafePlan if a plan exceeds a limit. `partially_written`: changes without new MQLs were written early."""
        violation = self.violation(contacts=contacts, changed=changed, new_mqls=new_mqls, unexpected_mqls=unexpected_mqls)
        if violation:
            written = "The other changes were written; no contact became an MQL." if partially_written else "Nothing of it was written."
            raise UnsafePlan(f"{violation} {written}", hint=OVERRIDE_HINT)
