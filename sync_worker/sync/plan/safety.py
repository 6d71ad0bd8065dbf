"""How much one run may change: a plan that asks for more is refused with its numbers, before anything of it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sync_worker.errors import UnsafePlan

OVERRIDE_HINT: Final = (
    "Look at it with `sync-worker sync --dry-run`; if it is what you want, run the command again with --allow-large, "
    "beside a service `sync-worker sync --allow-large`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyLimits:
    """Shares of the contacts, from 0 to 1, that one plan may change and may make new MQLs; of fewer contacts no share is judged.

    `new_mqls`: how many new MQLs one plan may make, of however many contacts.
    """

    max_changed_share: float = 0.5
    max_new_mqls_share: float = 0.1
    max_new_mqls: int | None = None
    min_contacts: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The limits of one run. `first`: nothing was ever written, so that everybody changes and new MQLs alone are judged."""

    limits: SafetyLimits
    is_first_run: bool = False
    disabled: bool = False

    @property
    def allows_early_writes(self) -> bool:
        """Tell whether what makes nobody an MQL may be written before the whole plan is known."""
        return self.is_first_run or self.disabled

    def violation(self, *, contacts: int, changed: int, new_mqls: int) -> str | None:
        """Return what speaks against a plan that changes and qualifies so many of the contacts; None where nothing does."""
        if self.disabled:
            return None
        most_mqls = self.limits.max_new_mqls
        said = [f"make {new_mqls:,} new MQLs, and max_new_mqls is {most_mqls:,}"] if most_mqls is not None and new_mqls > most_mqls else []
        said += [
            f"{what} {number:,} of {contacts:,} contacts ({number / contacts:.1%}), and {setting} is {most:.1%}"
            for what, number, most, setting in (
                ("change", 0 if self.is_first_run else changed, self.limits.max_changed_share, "max_changed_share"),
                ("make new MQLs of", new_mqls, self.limits.max_new_mqls_share, "max_new_mqls_share"),
            )
            if contacts >= self.limits.min_contacts and number > most * contacts
        ]
        return f"The plan would {'; it would '.join(said)}." if said else None

    def check(self, *, contacts: int, changed: int, new_mqls: int, partially_written: bool = False) -> None:
        """Raise UnsafePlan where something speaks against a plan, of which a part may have `begun` to be written."""
        objection = self.violation(contacts=contacts, changed=changed, new_mqls=new_mqls)
        if objection:
            written = "The others were written, no MQL was." if partially_written else "Nothing of it was written."
            raise UnsafePlan(f"{objection} {written}", hint=OVERRIDE_HINT)
