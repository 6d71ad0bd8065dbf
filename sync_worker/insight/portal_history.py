"""What a portal has shown, with the times at which it became known: plain frames, from the state or from a portal folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import polars as pl

from sync_worker.insight.history_gaps import HistoryGaps
from sync_worker.model.compiled.facts import EVENT_SCHEMA, TIMESTAMP, Facts
from sync_worker.model.compiled.model import Model
from sync_worker.model.lookup.standard_properties import SUBSCRIPTION_PROPERTIES

Schema = Mapping[str, "pl.DataType | type[pl.DataType]"]

CONTACT: Final = "contact"
COMPANY: Final = "company"
COMPANY_ID: Final = "associatedcompanyid"  # a property of each contact: the id of its primary company

#: The columns of `contacts` and `companies` that are not properties.
CONTACT_COLUMNS: Final[Schema] = {"contact_id": pl.Int64, "created_at": TIMESTAMP, "removed_at": TIMESTAMP}
COMPANY_COLUMNS: Final[Schema] = {"company_id": pl.Int64, "created_at": TIMESTAMP, "removed_at": TIMESTAMP}

#: The columns of an evaluation. `replaced_at`: when HubSpot replaced the event; `former_id`: the merged-away contact that it was shown for;
#: `shared`: the address of the event belongs to several contacts, and HubSpot counts it for another one.
EVENT_COLUMNS: Final[Schema] = {**EVENT_SCHEMA, "replaced_at": TIMESTAMP, "former_id": pl.Int64, "shared": pl.Boolean}

#: Values of properties, each from its time on. `object_type` is contact or company.
VALUE_COLUMNS: Final[Schema] = {"object_type": pl.String, "id": pl.Int64, "name": pl.String, "at": TIMESTAMP, "value": pl.String}

#: Statuses of email subscriptions, each from its time on; a missing time: since ever.
SUBSCRIPTION_COLUMNS: Final[Schema] = {"contact_id": pl.Int64, "subscription": pl.String, "at": TIMESTAMP, "subscribed": pl.Boolean}

#: One row for each deal and contact. `closed_at` is null while the deal is open.
DEAL_COLUMNS: Final[Schema] = {
    "deal_id": pl.Int64,
    "contact_id": pl.Int64,
    "created_at": TIMESTAMP,
    "closed_at": TIMESTAMP,
    "is_won": pl.Boolean,
    "amount": pl.Float64,
}

#: When contacts reached a lifecycle stage.
STAGE_COLUMNS: Final[Schema] = {"contact_id": pl.Int64, "stage": pl.String, "at": TIMESTAMP}

#: `contact_id` was merged into `survivor_id`.
MERGE_COLUMNS: Final[Schema] = {"contact_id": pl.Int64, "survivor_id": pl.Int64, "at": TIMESTAMP}


def _empty(schema: Schema) -> pl.DataFrame:
    return pl.DataFrame(schema=dict(schema))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PortalHistory:
    """The records of a portal up to `now`, with the schemas above.

    `contacts` and `companies` also have one String column for each property, `contacts` always `email` and `COMPANY_ID`; their values are
    the latest, and `values` has earlier ones. `removed_at` is when a record was archived or merged away. `hidden_kinds` are the kinds of
    event that the portal does not show. `complete_kinds` are those of which `events` has every event, so that HubSpot's counters can be
    counted again; `shows_counters`: the latest values of the counters are HubSpot's own. `frozen` names the properties whose later values
    had to be used, as `name` or `company.name`. `outcomes_read_at`: up to when deals and stages were read, if that is not `now`.
    `complete_since`: earlier, events that the models look at have been deleted; None: no event has been deleted. `gaps`: what is missing.
    """

    now: datetime
    contacts: pl.DataFrame
    companies: pl.DataFrame = field(default_factory=lambda: _empty(COMPANY_COLUMNS))
    events: pl.DataFrame = field(default_factory=lambda: _empty(EVENT_COLUMNS))
    values: pl.DataFrame = field(default_factory=lambda: _empty(VALUE_COLUMNS))
    subscriptions: pl.DataFrame = field(default_factory=lambda: _empty(SUBSCRIPTION_COLUMNS))
    deals: pl.DataFrame = field(default_factory=lambda: _empty(DEAL_COLUMNS))
    stages: pl.DataFrame = field(default_factory=lambda: _empty(STAGE_COLUMNS))
    merges: pl.DataFrame = field(default_factory=lambda: _empty(MERGE_COLUMNS))
    hidden_kinds: frozenset[str] = frozenset()
    complete_kinds: frozenset[str] = frozenset()
    shows_counters: bool = True
    frozen: tuple[str, ...] = ()
    outcomes_read_at: datetime | None = None
    complete_since: datetime | None = None
    gaps: HistoryGaps = field(default_factory=HistoryGaps)

    @property
    def outcomes_end(self) -> datetime:
        """Return the time up to which outcomes are known."""
        return min(self.now, self.outcomes_read_at or self.now)

    @property
    def start(self) -> datetime | None:
        """Return the time of the first contact or event, or None if the history is empty."""
        times = [self.contacts["created_at"].min(), self.events["at"].min()]
        return min((each for each in times if isinstance(each, datetime)), default=None)

    def build_facts(self) -> Facts:
        """Return the facts for an evaluation as of `now`, without verdicts of an earlier evaluation."""
        companies = self.companies.drop("created_at", "removed_at")
        companies = companies.rename({name: f"company.{name}" for name in companies.columns if name != "company_id"})
        company_id = pl.col(COMPANY_ID).cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)  # HubSpot writes large numbers as 1.0E7
        contacts = self.contacts.drop("created_at", "removed_at").with_columns(company_id=company_id)
        contacts = contacts.join(companies, on="company_id", how="left", maintain_order="left")
        if not self.subscriptions.is_empty():
            contacts = contacts.join(_subscription_lists(self.subscriptions), on="contact_id", how="left", maintain_order="left")
        return Facts(contacts=contacts.drop("company_id"), events=self.events.select(*EVENT_SCHEMA), hidden_kinds=self.hidden_kinds)

    def select_frozen(self, model: Model) -> list[str]:
        """Return the properties of a model whose later values had to be used, and `createdate` if contacts may not have existed yet."""
        used = {"createdate", *model.contact_properties, *(f"company.{name}" for name in model.company_properties)}
        used |= {COMPANY_ID} if model.company_properties else set()
        used |= {*SUBSCRIPTION_PROPERTIES} if model.uses_subscriptions else set()
        return sorted(used.intersection(self.frozen))


def _subscription_lists(statuses: pl.DataFrame) -> pl.DataFrame:
    """Return the lists `subscribed_to` and `unsubscribed_from` of each contact, such as `;Newsletter;`."""
    latest = statuses.sort("at", nulls_last=False, maintain_order=True).group_by("contact_id", "subscription", maintain_order=True).last()

    def join_names(condition: pl.Expr) -> pl.Expr:
        return pl.concat_str(pl.lit(";"), pl.col("subscription").filter(condition).sort().add(";").str.join(""))

    subscribed = pl.col("subscribed")
    return latest.group_by("contact_id").agg(subscribed_to=join_names(subscribed), unsubscribed_from=join_names(~subscribed))
