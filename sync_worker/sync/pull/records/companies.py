"""Companies: all of them, or those that changed since the cursor."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from typing import Final

from sync_worker.batched import batched
from sync_worker.hubspot.api.crm.crm_objects import UnorderedResponse
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.models import Company, IdRange, ResultPage
from sync_worker.intervals import Interval
from sync_worker.store.facts import contacts
from sync_worker.sync.pull import hubspot_streams
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.exports import ExportReader
from sync_worker.sync.pull.records.id_partitions import split_id_range
from sync_worker.sync.pull.records.missing_records import MissingRecords

COMPANY_STREAM: Final = "companies"
ID_BATCH_SIZE: Final = 1_000  # companies that are requested by id in one batch


def read_companies(context: PullContext, export_reader: ExportReader | None, *, read_all: bool) -> None:
    """Read all companies or those that changed; none if the model does not use any company property."""
    properties = context.row_mapper.company_properties
    if not properties:
        return
    cursor = context.load_cursor(COMPANY_STREAM)
    if not read_all and cursor is not None:
        _read_changed(context, cursor, properties)
        return
    with closing(_read_all(context, export_reader, properties)) as batches:
        for companies in batches:
            _save(context, companies)
    _delete_unread(context, properties)
    _fetch_unknown(context, properties)
    context.save_cursor(COMPANY_STREAM)


def read_selected_companies(context: PullContext, contact_ids: Sequence[int]) -> None:
    """Read the companies of some contacts by id, if the model uses any company property."""
    if not (properties := context.row_mapper.company_properties):
        return
    ids = context.transact(partial(contacts.load_company_ids, ids=contact_ids))
    for some in batched(ids, ID_BATCH_SIZE):
        found = context.hubspot.companies.read(some, properties)
        _save(context, found.items)
        context.transact(partial(contacts.delete_companies, ids=sorted(found.missing)))


def _read_changed(context: PullContext, cursor: int, properties: Sequence[str]) -> None:
    since, is_complete = context.overlap_start(cursor), True

    def fetch_page(after: int | None) -> ResultPage[Company, int]:
        return context.hubspot.companies.search_modified(since, after or 0, properties)

    for page in follow_pages(fetch_page, operation="search companies"):
        _save(context, page.items)
        is_complete = is_complete and not page.lacks_items
    if is_complete:
        context.save_cursor(COMPANY_STREAM)


def _save(context: PullContext, companies: Sequence[Company]) -> None:
    rows = context.row_mapper.company_rows(companies)
    context.save(COMPANY_STREAM, len(rows), partial(contacts.save_companies, rows=rows, read_at=context.now_ms))


def _delete_unread(context: PullContext, properties: Sequence[str]) -> None:
    """Delete the companies that no longer exist.

    Those that the full read did not return are requested by id first. A company that exists, but whose row cannot be read, stays as it is.
    """
    unread, missing = context.transact(partial(contacts.unread_companies, since=context.now_ms)), set[int]()
    for ids in batched(unread, ID_BATCH_SIZE):
        found = context.hubspot.companies.read(ids, properties)
        _save(context, found.items)
        missing |= found.missing
    context.transact(partial(contacts.delete_companies, ids=sorted(missing)))


def _fetch_unknown(context: PullContext, properties: Sequence[str]) -> None:
    """Read the companies that HubSpot counts and that the full read has not returned."""

    def count_read(ids: Interval) -> int:
        return context.transact(partial(contacts.count_companies_read, ids=ids, since=context.now_ms))

    objects = context.hubspot.companies
    missing = MissingRecords(objects=objects, properties=properties, count_read=count_read, save=partial(_save, context))
    all_ids = Interval(0, hubspot_streams.MAX_KEY)
    if (total := objects.count()) > count_read(all_ids) and (left := missing.fetch(all_ids, total)):
        context.notes.append(f"HubSpot counts {left:,} companies more than it shows.")


def _read_all(
    context: PullContext, export_reader: ExportReader | None, properties: Sequence[str]
) -> Generator[Sequence[Company], None, None]:
    with ExitStack() as stack:
        if export_reader and (export := export_reader.read_companies(stack, properties, context.hubspot.companies.count())) is not None:
            yield from export
            return
    try:
        yield from _read_by_id(context, properties)
    except UnorderedResponse:
        pages = follow_pages(lambda token: context.hubspot.companies.list_from_token(token, properties), operation="read companies")
        yield from (page.items for page in pages)


def _read_by_id(context: PullContext, properties: Sequence[str]) -> Generator[Sequence[Company], None, None]:
    first = context.hubspot.companies.list_from_id(0, properties)
    yield first.items
    if first.next is None:
        return  # one page holds all companies, so no request for their number is needed
    id_range = context.hubspot.companies.read_id_range()
    stream, gaps = hubspot_streams.companies(context.hubspot, properties), _gaps_after(first.items, id_range, context.readers)
    with context.open_batches(stream, gaps) as reads:
        for batches in reads:
            yield [row for batch in batches for row in batch.rows]


def _gaps_after(read: Sequence[Company], id_range: IdRange, readers: int) -> list[Interval]:
    low = read[-1].id + 1 if read else 0
    return split_id_range(readers, [Interval(low, max(low, id_range.highest_id or 0) + 1)], id_range)
