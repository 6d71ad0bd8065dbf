"""The tables of the state.

Times are milliseconds since 1970 UTC, as in HubSpot. JSON columns are canonical text (sorted keys), so that SQL can compare values.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, ColumnElement, Double, Index, Integer, MetaData, Table, Text, false, true

metadata: Final = MetaData()

#: HubSpot's ids. In SQLite, only a key of the type INTEGER (64 bits) is the row id, which saves an index.
IdType: Final = BigInteger().with_variant(Integer, "sqlite")


def _partial_index(name: str, *columns: Column[Any], where: ColumnElement[bool]) -> Index:
    """Return an index of the rows that meet a condition."""
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


#: Facts about the state as a whole, such as its portal and read progress. `key_value` names the modules that define them.
meta: Final = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

contacts: Final = Table(
    "contacts",
    metadata,
    Column("id", IdType, primary_key=True, autoincrement=False),
    Column("email", Text),  # in lower case
    Column("company_id", BigInteger),
    Column("updated_at", BigInteger, nullable=False),  # of the newest record or acknowledgement
    Column("facts", Text, nullable=False),  # JSON: the properties that the model uses
    Column("shown", Text, nullable=False),  # JSON: our properties, as observed in HubSpot
    Column("stage", Text),  # the lifecycle stage, as observed in HubSpot
    Column("stage_given", Text),  # the last stage that we set; it is not set twice
    Column("revision", Integer, nullable=False),  # counts changes of the facts; a verdict has the revision that it is based on
    Column("sweep", Integer, nullable=False),  # the last full scan that saw the contact
    Column("gone", Boolean, nullable=False),  # deleted, or merged into another contact
)
_partial_index("contacts_by_email", contacts.c.email, where=contacts.c.email.is_not(None))
_partial_index("contacts_by_company", contacts.c.company_id, where=contacts.c.company_id.is_not(None))
# Every run looks for the contacts that are due, that changed, or that a scan has not seen. One index covers these queries, so that they do
# not read the rows. A second index with another order would cost more on every insert.
_partial_index("contacts_here", contacts.c.id, contacts.c.revision, contacts.c.updated_at, contacts.c.sweep, where=~contacts.c.gone)
_partial_index("contacts_gone", contacts.c.id, where=contacts.c.gone == true())  # exactly as in the queries, else SQLite does not use it

#: Additional emails of contacts, in lower case; events may use them. The primary email is in `contacts`.
contact_emails: Final = Table(
    "addresses",
    metadata,
    Column("email", Text, primary_key=True),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Index("addresses_by_contact", "contact_id"),
    sqlite_with_rowid=False,
)

#: The contact that a merged-away id is part of now.
merges: Final = Table(
    "merges",
    metadata,
    Column("old_id", IdType, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, nullable=False),
    Column("at", BigInteger),  # when the contact was first seen merged; null: not known
    Index("merges_by_contact", "contact_id"),
)

#: Emails that contacts had until an instant, in lower case; a later event with such an email may still belong to the contact.
former_emails: Final = Table(
    "former_addresses",
    metadata,
    Column("email", Text, primary_key=True),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("until", BigInteger, nullable=False),
    Index("former_addresses_by_contact", "contact_id"),
    sqlite_with_rowid=False,
)

#: The email subscriptions of contacts, as HubSpot last showed them for their address.
subscriptions: Final = Table(
    "subscriptions",
    metadata,
    Column("contact_id", IdType, primary_key=True, autoincrement=False),
    Column("email", Text),  # the address that the statuses belong to
    Column("subscribed_to", Text),  # such as ;Newsletter;Product news; -- null: HubSpot shows no status
    Column("unsubscribed_from", Text),
)

companies: Final = Table(
    "companies",
    metadata,
    Column("id", IdType, primary_key=True, autoincrement=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("facts", Text, nullable=False),
    Column("read_at", BigInteger, nullable=False, server_default="0"),  # the start of the last run that read the company
)

#: An event has the id of its contact, or an email, which is resolved when the event is read. Both: the contact had the email then.
events: Final = Table(
    "events",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("contact_id", BigInteger),
    Column("email", Text),
    Column("url", Text),
    Column("form_id", Text),
    Column("campaign", Text),
    Column("name", Text),
    Column("user_agent", Text),
    Column("sent_at", BigInteger),
    Column("filtered", Boolean, nullable=False),
    Index("events_by_contact", "contact_id"),
    Index("events_by_email", "email"),
)

forms: Final = Table(
    "forms",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
)

#: The intervals of a stream's key (a time or an id) that have been read: low <= key < high.
coverage: Final = Table(
    "coverage",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("low", BigInteger, primary_key=True, autoincrement=False),
    Column("high", BigInteger, nullable=False),
)

#: Contacts whose facts an earlier read had missed; the limits on the changes of a plan do not count them.
repairs: Final = Table("repairs", metadata, Column("contact_id", IdType, primary_key=True, autoincrement=False))

#: Contacts for which HubSpot counts other events than it shows, and how many full scans in a row have confirmed that.
counter_checks: Final = Table(
    "counter_checks",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("total", BigInteger, nullable=False),  # HubSpot's counter
    Column("counted", BigInteger, nullable=False),  # events in the state
    Column("times", Integer, nullable=False),
)

#: Deals, read only by commands that look at outcomes.
deals: Final = Table(
    "deals",
    metadata,
    Column("id", IdType, primary_key=True, autoincrement=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("created_at", BigInteger),
    Column("pipeline", Text),
    Column("stage", Text),
    Column("closed_at", BigInteger),  # when the deal reached the closed stage that it is in; null: it is open
    Column("won", Boolean, nullable=False),
    Column("amount", Double),
)

deal_contacts: Final = Table(
    "deal_contacts",
    metadata,
    Column("deal_id", BigInteger, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Index("deal_contacts_by_contact", "contact_id"),
    sqlite_with_rowid=False,
)

#: When contacts reached a lifecycle stage, and when they were created (the stage `created`).
stage_dates: Final = Table(
    "stage_dates",
    metadata,
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("stage", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: Earlier values of the properties that the model uses, each from a time on. `object_type` is contact or company.
property_values: Final = Table(
    "property_values",
    metadata,
    Column("object_type", Text, primary_key=True),
    Column("record_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Text),
    sqlite_with_rowid=False,
)

#: The records whose earlier values were read, with the names of the properties and the time of the read.
history_reads: Final = Table(
    "history_reads",
    metadata,
    Column("object_type", Text, primary_key=True),
    Column("record_id", BigInteger, primary_key=True, autoincrement=False),
    Column("names", Text, nullable=False),
    Column("read_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

verdicts: Final = Table(
    "verdicts",
    metadata,
    Column("contact_id", IdType, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    Column("model", Text, nullable=False),  # hash of the model and of the names of our properties
    Column("evaluated_at", BigInteger, nullable=False),
    Column("score", BigInteger, nullable=False),
    Column("band", Text, nullable=False),
    Column("grade", Text, nullable=False),
    Column("mql", Boolean, nullable=False),
    Column("by_score", Boolean, nullable=False),
    Column("direct", Boolean, nullable=False),
    Column("desired", Text, nullable=False),  # JSON: the desired values of our properties
    Index("verdicts_by_band", "band"),
)
_partial_index("verdicts_of_mqls", verdicts.c.contact_id, verdicts.c.direct, verdicts.c.by_score, where=verdicts.c.mql == true())

#: The verdicts of the shadow model, for comparison; nothing of them is written to HubSpot.
shadow_verdicts: Final = Table(
    "shadow_verdicts",
    metadata,
    Column("contact_id", IdType, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    Column("model", Text, nullable=False),  # hash of the shadow model
    Column("evaluated_at", BigInteger, nullable=False),
    Column("score", BigInteger, nullable=False),
    Column("band", Text, nullable=False),
    Column("grade", Text, nullable=False),
    Column("mql", Boolean, nullable=False),
    Column("by_score", Boolean, nullable=False),
    Column("mql_since", BigInteger),  # when it first was an MQL under this model; null: never
)

#: Since when each MQL is one, and the reasons of that moment; they stay until the contact ceases to be an MQL.
mql_starts: Final = Table(
    "mql_starts",
    metadata,
    Column("contact_id", IdType, primary_key=True, autoincrement=False),
    Column("model", Text, nullable=False),  # hash of the model
    Column("since", BigInteger),  # null: since before the worker recorded it
    Column("reasons", Text, nullable=False),
)

#: Messages to sales about new MQLs: one row for each contact, start and channel. A row is written with the start of the MQL.
hand_offs: Final = Table(
    "hand_offs",
    metadata,
    Column("contact_id", IdType, primary_key=True, autoincrement=False),
    Column("since", BigInteger, primary_key=True, autoincrement=False),  # of the start
    Column("channel", Text, primary_key=True),  # `task`, or the scheme of a URL
    Column("key", Text, nullable=False),  # in the message, so that it is found again
    Column("tried_at", BigInteger),  # before the first try to send it
    Column("sent_at", BigInteger),
    Column("reference", Text),  # id of the task, or key of the message; of a digest from its first try on
    Column("reason", Text),  # why it could not be sent
)

#: What sales reps say about contacts in `lead_feedback` and `lead_feedback_note`; the model and the time are those of the value.
feedback: Final = Table(
    "feedback",
    metadata,
    Column("contact_id", IdType, primary_key=True, autoincrement=False),
    Column("model", Text, nullable=False),  # hash of the model
    Column("value", Text, nullable=False),  # good_lead, too_early, bad_fit, or an option of users; empty: a note alone
    Column("note", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

lists: Final = Table(
    "lists",
    metadata,
    Column("key", Text, primary_key=True),  # mql, direct, by_score, band:<name>
    Column("id", Text, nullable=False),  # HubSpot's
    Column("name", Text, nullable=False),
)

#: Members of our lists, as HubSpot acknowledged or returned them, and contacts whose addition it has not acknowledged yet.
memberships: Final = Table(
    "memberships",
    metadata,
    Column("list", Text, primary_key=True),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("ours", Boolean, nullable=False),  # added by us, not by another user
    Column("acknowledged", Boolean, nullable=False),  # false: the addition had no reply, or is inherited in a merge
    sqlite_with_rowid=False,
)

#: What HubSpot rejected or `undo` restored, by part of the contact: "properties", "stage", or "list:<key>". `desired` is the rejected
#: value. It is not sent again before `retry_at`; null: not until another value is desired.
rejections: Final = Table(
    "rejections",
    metadata,
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("part", Text, primary_key=True),
    Column("desired", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),  # of the first rejection
    Column("held", Boolean, nullable=False, server_default=false()),  # restored by `undo`, not rejected
    Column("tried_at", BigInteger, nullable=False),  # of the last rejection
    Column("tries", Integer, nullable=False),
    Column("retry_at", BigInteger),
    Column("contact_updated_at", BigInteger, nullable=False),  # a contact that changes afterward is sent at once
    Column("invalid", Text),  # JSON: property → (value that HubSpot calls invalid, reason)
    Index("rejections_by_part", "part"),
    sqlite_with_rowid=False,
)

runs: Final = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("command", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("exit_code", Integer),
    Column("report", Text),  # JSON
    Column("done", Boolean, nullable=False, server_default=false()),  # all steps of the run have ended without an error
    Index("runs_by_start", "started_at"),
)

#: The log of the model: approvals and their withdrawals, notes, reviews. Rows are only added.
model_revisions: Final = Table(
    "model_revisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),  # approval, withdrawal, note, review
    Column("model", Text, nullable=False),  # hash of the model
    Column("author", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("document", Text),  # JSON: the model; of an approval. Null: approved by a version that did not keep it
    Column("report", Text),  # id of the score report that an approval is based on
    Column("effect", Text),  # JSON: the numbers of contacts that an approval affected
)

#: The reports that `report` has made; an approval is based on one of them.
score_reports: Final = Table(
    "score_reports",
    metadata,
    Column("number", Integer, primary_key=True),  # in the order of their creation
    Column("id", Text, nullable=False, unique=True),
    Column("at", BigInteger, nullable=False),
    Column("model", Text, nullable=False),  # hash of the model
    Column("content", Text, nullable=False),  # JSON
)

#: The run that works on the portal now: one row, which the run renews.
leases: Final = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("holder", Text, nullable=False),  # host:pid, for messages
    Column("process", Text, nullable=False),  # identifies the process even if its pid is used again
    Column("expires_at", BigInteger, nullable=False),
)

#: The values that each run replaces, saved before they are sent, so that a crash loses nothing, with HubSpot's answer. JSON: property →
#: value. `answers`: null before an answer, then JSON: property → answer, of the properties that HubSpot has not accepted as sent.
undo_values: Final = Table(
    "replaced",
    metadata,
    Column("run", Text, primary_key=True),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("answers", Text),
    Column("at", BigInteger),  # of the write or its answer; null: written by a version that did not save answers
    Index("replaced_by_contact", "contact_id"),
)

#: The contacts that each run adds to a list or removes from it.
undo_members: Final = Table(
    "replaced_members",
    metadata,
    Column("run", Text, primary_key=True),
    Column("list", Text, primary_key=True),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("added", Boolean, nullable=False),
    Column("answer", Text),  # null before an answer
    Column("at", BigInteger),
    Index("replaced_members_by_contact", "contact_id"),
)

#: The daily quota of new MQLs: since when a contact qualifies, and when it was admitted; null: it waits.
mql_admissions: Final = Table(
    "admissions",
    metadata,
    Column("contact_id", IdType, primary_key=True, autoincrement=False),
    Column("since", BigInteger, nullable=False),
    Column("admitted_at", BigInteger),
)
