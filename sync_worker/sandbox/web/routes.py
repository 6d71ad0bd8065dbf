"""Routes of the web page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.web import contact_list
from sync_worker.sandbox.web.contact_page import contact_details
from sync_worker.sandbox.web.formatting import ValueFormatter, format_number, full_name
from sync_worker.sandbox.web.recent_writes import group_writes
from sync_worker.sandbox.web.score_fields import score_property
from sync_worker.sandbox.web.timeline import group_by_day
from sync_worker.sandbox.web.workflow_cards import describe_workflows

_TEMPLATES_DIR: Final = Path(__file__).parent / "templates"
_SHORT_TIMELINE_EVENTS, _LONG_TIMELINE_EVENTS = 60, 2000  # events shown before and after "Show all"
_MAX_CHANGES: Final = 400
# The values of a contact can neither run a script nor load a resource.
_SECURITY_HEADERS: Final = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'"}


def routes(portal: SandboxPortal) -> list[BaseRoute]:
    """Return the routes of the pages of a portal: contacts at /, one contact, lists, one list, workflows, changes."""
    pages = _WebPages(portal=portal, templates=_create_environment())
    handlers: dict[str, Callable[[Request], Response]] = {
        "/contacts/{id:int}": pages.show_contact,
        "/lists": pages.list_lists,
        "/lists/{id:int}": pages.list_members,
        "/workflows": pages.list_workflows,
        "/changes": pages.list_changes,
    }
    contacts_route = Route("/", pages.list_contacts, methods=["GET"])
    return [contacts_route, *(Route(path, _make_async(handler), methods=["GET"]) for path, handler in handlers.items())]


@dataclass(frozen=True, slots=True, kw_only=True)
class _WebPages:
    portal: SandboxPortal
    templates: Environment

    async def list_contacts(self, request: Request) -> Response:
        text = request.query_params.get("q", "").strip()
        contacts = await contact_list.search_contacts(self.portal, self._formatter(), text=text, page=_page_number(request))
        has_scores = score_property(self.portal) is not None
        return self._render("contacts.html", tab="contacts", search=text, contacts=contacts, has_scores=has_scores)

    def show_contact(self, request: Request) -> Response:
        contact_id = int(request.path_params["id"])
        values = self.portal.record("contacts", contact_id)
        if values is None:
            return self._not_found_page(f"Contact {contact_id} does not exist.")
        formatter, show_all = self._formatter(), "all" in request.query_params
        surviving_id = int(values["hs_object_id"])
        limit = _LONG_TIMELINE_EVENTS if show_all else _SHORT_TIMELINE_EVENTS
        events = self.portal.contact_events(surviving_id, limit + 1)
        forms = {form_id: str(form["name"]) for form_id, form in self.portal.engagement.forms.by_id.items()}
        return self._render(
            "contact.html",
            tab="contacts",
            title=full_name(values),
            record=contact_details(self.portal, formatter, values),
            days=list(group_by_day(events[:limit], formatter, forms)),
            has_more=not show_all and len(events) > limit,
            lists=self.portal.contact_lists(surviving_id),
        )

    def list_lists(self, _: Request) -> Response:
        lists = sorted(self.portal.lists, key=lambda item: item.name.casefold())
        return self._render("lists.html", tab="lists", lists=lists, formatter=self._formatter())

    def list_members(self, request: Request) -> Response:
        list_id = int(request.path_params["id"])
        record_list = self.portal.lists.get(list_id)
        if record_list is None:
            return self._not_found_page(f"List {list_id} does not exist.")
        members = contact_list.list_members(self.portal, self._formatter(), record_list.member_ids(), _page_number(request))
        return self._render("list.html", tab="lists", title=record_list.name, list=record_list, contacts=members)

    def list_workflows(self, _: Request) -> Response:
        workflows = list(describe_workflows(self.portal, self._formatter()))
        return self._render("workflows.html", tab="workflows", workflows=workflows)

    def list_changes(self, request: Request) -> Response:
        all_properties = "all" in request.query_params
        changes = self.portal.recent_changes(_MAX_CHANGES, custom_only=not all_properties)
        writes = list(group_writes(self.portal, self._formatter(), changes))
        return self._render("changes.html", tab="changes", writes=writes, all_properties=all_properties)

    def _not_found_page(self, message: str) -> Response:
        return self._render("missing.html", status=404, tab="", message=message)

    def _render(self, template: str, *, status: int = 200, **context: object) -> Response:
        defaults = {"portal": self.portal, "search": "", "title": ""}
        html = self.templates.get_template(template).render({**defaults, **context})
        return HTMLResponse(html, status_code=status, headers=_SECURITY_HEADERS)

    def _formatter(self) -> ValueFormatter:
        owners = {str(owner.id): f"{owner.first_name} {owner.last_name}" for owner in self.portal.owners}
        return ValueFormatter(zone=ZoneInfo(self.portal.time_zone), now=self.portal.now_ms(), owners=owners)


def _make_async(handler: Callable[[Request], Response]) -> Callable[[Request], object]:
    """Run a handler in the event loop, like the API, so that no write happens while a page is rendered."""

    async def endpoint(request: Request) -> Response:
        return handler(request)

    return endpoint


def _create_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES_DIR), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = lambda value: format_number(str(value))
    return environment


def _page_number(request: Request) -> int:
    text = request.query_params.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
