"""The tables: what the worker knows of the portal, and what HubSpot has acknowledged.

Instants are whole milliseconds since 1970 UTC, as HubSpot counts them. JSON columns hold canonical text (sorted keys), so that
equal values are equal texts and SQL can compare them.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, ColumnElement, Index, Integer, MetaData, Table, Text, false, true

metadata: Final = MetaData()

#: HubSpot's ids. SQLite finds a row by its key without a detour if the key is called INTEGER, and only then; it holds 64 bits all the same.
IdType: Final = BigInteger().with_variant(Integer, "sqlite")


def _partial_index(name: str, *columns: Column[Any], where: ColumnElement[bool]) -> Index:
    """Return an index that holds some rows alone."""
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


#: Facts of this state as a whole: which portal it is pinned to, what was read, which day was evaluated.
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
    Column("updated_at", BigInteger, nullable=False),  # of the newest reading or acknowledgement
    Column("facts", Text, nullable=False),  # JSON: the properties that the model asks for
    Column("shown", Text, nullable=False),  # JSON: our own properties as HubSpot shows them
    Column("stage", Text),  # the lifecycle stage as HubSpot shows it
    Column("stage_given", Text),  # the stage that we gave last; never given twice
    Column("revision", Integer, nullable=False),  # counts changes of the facts; a verdict names the one it judged
    Column("sweep", Integer, nullable=False),  # the last full read that saw the contact
    Column("gone", Boolean, nullable=False),  # deleted, or merged into another
)
_partial_index("contacts_by_email", contacts.c.email, where=contacts.c.email.is_not(None))
_partial_index("contacts_by_company", contacts.c.company_id, where=contacts.c.company_id.is_not(None))
# What a run asks of everybody must not cost a look at all that is known of everybody: who is due, was changed, was seen, is gone. One
# index in the order of the ids answers the first three, since whatever else has an order of its own costs each contact a place in it.
_partial_index("contacts_here", contacts.c.id, contacts.c.revision, contacts.c.updated_at, contacts.c.sweep, where=~contacts.c.gone)
_partial_index("contacts_gone", contacts.c.id, where=contacts.c.gone == true())  # as queries put it: SQLite knows no other words for it

#: Further addresses by which e-mail events and submissions may name a contact, in lower case; its own stands in its row.
contact_emails: Final = Table(
    "addresses",
    metadata,
    Column("email", Text, primary_key=True),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Index("addresses_by_contact", "contact_id"),
    sqlite_with_rowid=False,
)

companies: Final = Table(
    "companies",
    metadata,
    Column("id", IdType, primary_key=True, autoincrement=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("facts", Text, nullable=False),
)

#: An event names its contact by id, or by an address that is resolved whenever it is read.
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

#: What has been read of a stream, as intervals of its key (a time or an id): low <= key < high. What is not covered is still to be read.
coverage: Final = Table(
    "coverage",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("low", BigInteger, primary_key=True, autoincrement=False),
    Column("high", BigInteger, nullable=False),
)

verdicts: Final = Table(
    "verdicts",
    metadata,
    Column("contact_id", IdType, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    Column("model", Text, nullable=False),  # what it was made by: the model, and the properties that show it
    Column("evaluated_at", BigInteger, nullable=False),
    Column("score", BigInteger, nullable=False),
    Column("band", Text, nullable=False),
    Column("grade", Text, nullable=False),
    Column("mql", Boolean, nullable=False),
    Column("by_score", Boolean, nullable=False),
    Column("direct", Boolean, nullable=False),
    Column("desired", Text, nullable=False),  # JSON: our properties as HubSpot should show them
    Index("verdicts_by_band", "band"),
)
_partial_index("verdicts_of_mqls", verdicts.c.contact_id, verdicts.c.direct, verdicts.c.by_score, where=verdicts.c.mql == true())

lists: Final = Table(
    "lists",
    metadata,
    Column("key", Text, primary_key=True),  # mql, direct, by_score, band:<name>
    Column("id", Text, nullable=False),  # HubSpot's
    Column("name", Text, nullable=False),
)

#: Who is in our lists, as HubSpot acknowledged or showed it; who may be in, where it has not said so yet.
memberships: Final = Table(
    "memberships",
    metadata,
    Column("list", Text, primary_key=True),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("ours", Boolean, nullable=False),  # added by us, not found there
    Column("acknowledged", Boolean, nullable=False),  # else the adding was sent and not answered, or came with a merged contact
    sqlite_with_rowid=False,
)

#: Values that HubSpot refused, or that somebody has put back; not sent again until they change.
rejections: Final = Table(
    "rejections",
    metadata,
    Column("contact_id", IdType, primary_key=True, autoincrement=False),
    Column("desired", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("held", Boolean, nullable=False, server_default=false()),  # not refused: left alone on purpose
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
)

approvals: Final = Table(
    "approvals",
    metadata,
    Column("model", Text, primary_key=True),  # hash of the model whose distribution was looked at
    Column("at", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
)

#: Who works on this portal now: one row, renewed while the work goes on.
leases: Final = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("holder", Text, nullable=False),  # host:pid, for people
    Column("process", Text, nullable=False),  # the same process and no later one with its number
    Column("expires_at", BigInteger, nullable=False),
)

#: What each run was about to replace: kept before it is sent, so that a crash forgets nothing. JSON: property → value.
undo_values: Final = Table(
    "replaced",
    metadata,
    Column("run", Text, primary_key=True),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Index("replaced_by_contact", "contact_id"),
)

#: Whom each run was about to put into a list or to take out.
undo_members: Final = Table(
    "replaced_members",
    metadata,
    Column("run", Text, primary_key=True),
    Column("list", Text, primary_key=True),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("added", Boolean, nullable=False),
    Index("replaced_members_by_contact", "contact_id"),
)

#: Where a model lets in so many new MQLs a day: since when somebody qualifies (milliseconds), and when they were let in; null: they wait.
mql_admissions: Final = Table(
    "admissions",
    metadata,
    Column("contact_id", IdType, primary_key=True, autoincrement=False),
    Column("since", BigInteger, nullable=False),
    Column("admitted_at", BigInteger),
)
