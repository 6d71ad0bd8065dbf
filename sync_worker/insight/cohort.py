"""A cohort: the contacts that were known at an instant, and whether each became an opportunity within the horizon after it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from sync_worker.errors import ConfigurationError
from sync_worker.insight.as_of import as_of
from sync_worker.insight.history_gaps import HistoryGaps
from sync_worker.insight.outcomes import outcomes_after
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.model.compiled.facts import Facts
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import Verdicts, evaluate

#: With less data than this, a figure would only look like knowledge.
MIN_CONTACTS: Final = 100
MIN_OUTCOMES: Final = 20

SCORE_COLUMNS: Final = ("contact_id", "score", "band", "grade", "grade_rank", "mql", "disqualified_by")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Cohort:
    """The contacts of a portal as of an instant, without those that were opportunities already.

    `contacts` has `contact_id`, `created_at` and `converted`, ordered by creation and id. `facts` are those known at the instant, with the
    properties that some model uses; `frozen` names the properties of which only a later value is known.
    """

    at: datetime
    horizon: timedelta
    contacts: pl.DataFrame
    facts: Facts
    frozen: tuple[str, ...] = ()
    gaps: HistoryGaps = field(default_factory=HistoryGaps)

    @property
    def outcomes(self) -> int:
        """The number of contacts that became opportunities."""
        return int(self.contacts["converted"].sum())

    @property
    def rate(self) -> float:
        """The share of contacts that became opportunities."""
        return self.outcomes / max(self.contacts.height, 1)

    def select(self, contacts: pl.DataFrame) -> Cohort:
        """Return the cohort of some of the contacts, rows of `contacts`."""
        return replace(self, contacts=contacts)

    def split(self, share: float) -> tuple[Cohort, Cohort]:
        """Return the contacts that were created first and those that were created last; `share` is the part of the first."""
        cut = int(self.contacts.height * share)
        return self.select(self.contacts.head(cut)), self.select(self.contacts.slice(cut))

    def score(self, model: Model) -> pl.DataFrame:
        """Return the verdicts of a model on the contacts, in their order: the columns of `contacts`, and `SCORE_COLUMNS`."""
        return self.join_scores(self.evaluate(model))

    def join_scores(self, verdicts: Verdicts) -> pl.DataFrame:
        """Return verdicts on the contacts, as `score` does."""
        return self.contacts.join(verdicts.table.select(SCORE_COLUMNS), on="contact_id", how="left", maintain_order="left")

    def evaluate(self, model: Model) -> Verdicts:
        """Return the verdicts of a model on all known contacts, also on those that were opportunities already."""
        return evaluate(self.facts, model, self.at)


def build_cohort(history: PortalHistory, at: datetime, horizon: timedelta) -> Cohort:
    """Return the contacts as of an instant (aware) with their outcomes.

    Raises:
        ConfigurationError: the horizon is not over, the instant is before the data, or the outcomes are all alike.
    """
    outcomes, known = outcomes_after(history, at, horizon), as_of(history, at)
    rows = known.contacts.select("contact_id", "created_at").join(outcomes.select("contact_id", "earlier"), on="contact_id", how="left")
    open_contacts = rows.filter(~pl.col("earlier").fill_null(value=False))
    contacts = open_contacts.select("contact_id", "created_at", converted=pl.col("earlier").is_not_null())
    contacts = contacts.sort("created_at", "contact_id", nulls_last=False)
    raise_if_one_class(contacts["converted"], f"as of {at:%Y-%m-%d}")
    return Cohort(at=at, horizon=horizon, contacts=contacts, facts=known.build_facts(), frozen=known.frozen, gaps=history.gaps)


def raise_if_one_class(converted: pl.Series, when: str) -> None:
    """Raise ConfigurationError if no contact became an opportunity, or every contact did."""
    outcomes = int(converted.sum())
    if 0 < outcomes < converted.len():
        return
    found = "No contact" if not outcomes else f"Every one of the {outcomes:,} contacts"
    raise ConfigurationError(
        f"{found} became an opportunity within the horizon ({when}): there is nothing to compare.",
        hint="Use another date or another horizon.",
    )


def raise_if_too_few(cohort: Cohort, what: str) -> None:
    """Raise ConfigurationError if the cohort has too few contacts or outcomes for `what`."""
    if cohort.contacts.height < MIN_CONTACTS or cohort.outcomes < MIN_OUTCOMES:
        raise ConfigurationError(
            f"Too little data for {what}: {cohort.contacts.height:,} contacts, of which {cohort.outcomes:,} became opportunities; "
            f"at least {MIN_CONTACTS} and {MIN_OUTCOMES} are needed.",
            hint="Wait for more outcomes, or use a longer horizon.",
        )
