"""Form submissions: how far back each form is read. When the forms are read is in form_watcher.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from sync_worker.hubspot.records.models import Event, Form
from sync_worker.store.facts import coverage
from sync_worker.store.facts import events as event_store
from sync_worker.store.saved_state import scan_state
from sync_worker.store.saved_state.scan_state import FormCheck
from sync_worker.sync.pull import hubspot_streams
from sync_worker.sync.pull.activity.event_storage import read_per_item, save_errors, save_events, save_nothing
from sync_worker.sync.pull.activity.form_watcher import EVENT_KIND as FORM_SUBMISSION
from sync_worker.sync.pull.activity.form_watcher import ArchivedForms, FormWatcher, select_readable
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.item_errors import ItemErrors
from sync_worker.sync.reader.keyed_stream import StreamBatch


def read_submissions(context: PullContext, *, is_full: bool) -> None:
    """Read the submissions that are new since the last check; the hourly check and a full scan look for late ones as well."""
    watcher = FormWatcher(context=context)
    if is_full:
        check: FormCheck | None = FormCheck(checked_at=context.now_ms, seen=())
    else:
        check = watcher.detect_changes()
    if check is not None:
        is_hourly = check.checked_at == context.now_ms
        errors = _read_all_forms(context, behind=context.late_ms if is_hourly else context.overlap_ms)
        # A conversion stays new until its form can be read. The hourly check waits for the next hour, because it costs the most.
        if is_hourly or not errors.has_transient():
            watcher.save(check)
            context.transact(partial(scan_state.save_form_reread, since=None))


def _read_all_forms(context: PullContext, *, behind: int) -> ItemErrors:
    forms, archived = _fetch_forms(context)
    archive = ArchivedForms(context=context, forms=archived)
    ids = sorted({form.id for form in (*forms, *archive.find_unread())})
    names = {form.id: form.name for form in (*archive.forms, *forms) if form.name is not None}
    context.transact(lambda tx: event_store.save_forms(tx, names))
    last_reads = context.transact(lambda tx: {form_id: _last_read(tx, form_id) for form_id in ids})
    reread_from = context.transact(scan_state.load_form_reread)
    stop_times = {form_id: min(last - behind, last if reread_from is None else reread_from) for form_id, last in last_reads.items()}
    last_check = context.transact(scan_state.load_form_check)
    # Submissions of a form that an earlier check did not see are late as well.
    settled = {form_id: last or (last_check.checked_at if last_check else 0) for form_id, last in last_reads.items()}
    saver = _SubmissionSaver(context=context, form_ids=ids, last_reads=settled, errors=ItemErrors("form", names))
    read_per_item(context, hubspot_streams.submissions(context.hubspot, ids, stop_times, saver.errors), ids, saver.save)
    save_errors(context, saver.errors)
    archive.mark_read(except_for=saver.errors)
    return saver.errors


def _fetch_forms(context: PullContext) -> tuple[Sequence[Form], Sequence[Form]]:
    """Return the forms and the archived ones; both lists are requested at the same time."""
    archived = context.threads.start("archived forms", partial(context.hubspot.forms.list_all, archived=True))
    return select_readable(context.hubspot.forms.list_all()), select_readable(archived.result())


def _last_read(tx: Connection, form_id: str) -> int:
    return max((interval.high for interval in coverage.load(tx, _form_stream(form_id))), default=0)


def _form_stream(form_id: str) -> str:
    return f"form_submission:{form_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _SubmissionSaver:
    context: PullContext
    form_ids: Sequence[str]
    last_reads: Mapping[str, int]  # milliseconds
    errors: ItemErrors

    def save(self, batch: StreamBatch[Event]) -> None:
        form_id = self.form_ids[batch.interval.low]
        # Submissions come newest first, so a form is complete only with its last page.
        complete = batch.interval.high > batch.interval.low and not self.errors.is_incomplete(form_id)
        save_state = partial(self._save_coverage, form_id=form_id) if complete else save_nothing
        settled_before = self.last_reads[form_id] - self.context.overlap_ms
        save_events(self.context, FORM_SUBMISSION, batch.rows, save_state, is_late=lambda at: at < settled_before)

    def _save_coverage(self, tx: Connection, *, form_id: str) -> None:
        coverage.add(tx, _form_stream(form_id), 0, self.context.now_ms)
