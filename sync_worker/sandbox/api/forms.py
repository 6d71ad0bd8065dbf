"""Endpoints of forms and form submissions; hubspot-api.md 7d and 14."""

from __future__ import annotations

from itertools import islice

from starlette.responses import Response

from sync_worker.sandbox.api.timeline_pages import positions_before
from sync_worker.sandbox.base.responses import Json, JsonResponse, not_found_error, validation_error
from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.sandbox.request.endpoints import Endpoint
from sync_worker.sandbox.request.request import ApiCall

MAX_SUBMISSION_PAGE_SIZE, DEFAULT_SUBMISSION_PAGE_SIZE = 50, 20
MAX_FORM_PAGE_SIZE = 100
UNREADABLE_FORM_TYPES = frozenset({"blog_comment"})


def list_forms(call: ApiCall) -> Response:
    """Return a page of forms."""
    limit = call.integer_param("limit", 20, maximum=MAX_FORM_PAGE_SIZE)
    start = call.integer_param("after", 0, maximum=10**9, minimum=0)
    types, archived = set(call.query.getlist("formTypes")) or {"hubspot"}, call.bool_param("archived")
    forms = [form for form in list_serialized_forms(call) if form["archived"] == archived and types & {"all", form["formType"]}]
    body: Json = {"results": forms[start : start + limit]}
    if start + limit < len(forms):
        body["paging"] = {"next": {"after": str(start + limit)}}
    return JsonResponse(body)


def list_serialized_forms(call: ApiCall) -> list[Json]:
    """Return the JSON of all forms."""
    return [_serialize_form(call, form) for form in call.portal.engagement.forms.by_id.values()]


def read_form(call: ApiCall) -> Response:
    """Return one form."""
    form = call.portal.engagement.forms.by_id.get(call.path_variables["formId"])
    if form is None:
        raise not_found_error(f"Form {call.path_variables['formId']} does not exist.", "OBJECT_NOT_FOUND")
    return JsonResponse(_serialize_form(call, form))


def list_form_submissions(call: ApiCall) -> Response:
    """Return a page of the submissions of a form, newest first; HubSpot has no filter."""
    timeline, form_id = call.portal.engagement.submissions, call.path_variables["formId"]
    form = call.portal.engagement.forms.by_id.get(form_id)
    if form is None:
        raise not_found_error(f"Form {form_id} does not exist.", "OBJECT_NOT_FOUND")
    if form.get("formType") in UNREADABLE_FORM_TYPES:
        raise validation_error(f"Submissions of form type {form['formType']} cannot be read.", subCategory="FORM_TYPE_NOT_ALLOWED")
    limit = call.integer_param("limit", DEFAULT_SUBMISSION_PAGE_SIZE, maximum=MAX_SUBMISSION_PAGE_SIZE)
    positions = timeline.select(positions_before(timeline, range(len(timeline)), call.query.get("after")), kind=form_id)
    page = list(islice(positions, limit + 1))
    body: Json = {"results": [_serialize_submission(timeline.row(at)) for at in page[:limit]]}
    if len(page) > limit:
        after = timeline.cursor(page[limit - 1])
        body["paging"] = {"next": {"after": after, "link": f"{call.base_url}{call.url_path}?after={after}"}}
    return JsonResponse(body)


def _serialize_form(call: ApiCall, form: Json) -> Json:
    created = format_iso(call.portal.contacts.records.created[0] if len(call.portal.contacts.records) else call.portal.now_ms())
    defaults = {
        "formType": "hubspot",
        "createdAt": created,
        "updatedAt": created,
        "archived": False,
        "fieldGroups": [],
        "configuration": {},
        "displayOptions": {},
        "legalConsentOptions": {"type": "none"},
    }
    return {**defaults, **form, "id": str(form["id"])}


def _serialize_submission(row: Json) -> Json:
    return {name: value for name, value in row.items() if name != "formId"}


ENDPOINTS = (
    Endpoint(api="forms", method="GET", path_suffix="", handler=list_forms, scopes=("forms",)),
    Endpoint(api="forms", method="GET", path_suffix="/", handler=list_forms, scopes=("forms",)),
    Endpoint(api="forms", method="GET", path_suffix="/{formId}", handler=read_form, scopes=("forms",)),
    Endpoint(api="submissions", method="GET", path_suffix="/{formId}", handler=list_form_submissions, scopes=("forms",)),
)
