"""The routes of the web page."""

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

from sync_worker.sandbox.crm.portal import Portal
from sync_worker.sandbox.web import contact_list
from sync_worker.sandbox.web.contact_page import record
from sync_worker.sandbox.web.formatting import Wording, full_name, number
from sync_worker.sandbox.web.recent_writes import writes
from sync_worker.sandbox.web.score_fields import score_property
from sync_worker.sandbox.web.timeline import days

_TEMPLATES: Final = Path(__file__).parent / "templates"
_SHORT, _LONG = 60, 2000  # events of a timeline
_CHANGES: Final = 400
# Whatever stands in a contact can run nothing and load nothing.
_HEADERS: Final = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'"}


def routes(portal: Portal) -> list[BaseRoute]:
    """Return the routes of the pages of a portal: contacts at /, one contact, lists, one list, changes."""
    pages = _Pages(portal=portal, templates=_environment())
    answers: dict[str, Callable[[Request], Response]] = {
        "/contacts/{id:int}": pages.contact,
        "/lists": pages.lists,
        "/lists/{id:int}": pages.members,
        "/changes": pages.changes,
    }
    directory_page = Route("/", pages.contacts, methods=["GET"])
    return [directory_page, *(Route(path, _asynchronous(answer), methods=["GET"]) for path, answer in answers.items())]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pages:
    portal: Portal
    templates: Environment

    async def contacts(self, request: Request) -> Response:
        text = request.query_params.get("q", "").strip()
        found = await contact_list.found(self.portal, self._words(), text=text, page=_page(request))
        return self._reply("contacts.html", tab="contacts", search=text, directory=found, scored=score_property(self.portal) is not None)

    def contact(self, request: Request) -> Response:
        contact_id = int(request.path_params["id"])
        values = self.portal.record("contacts", contact_id)
        if values is None:
            return self._missing(f"There is no contact {contact_id}.")
        words, whole = self._words(), "all" in request.query_params
        shown = int(values["hs_object_id"])
        events = self.portal.events_of(shown, (_LONG if whole else _SHORT) + 1)
        forms = {form_id: str(form["name"]) for form_id, form in self.portal.engagement.forms.by_id.items()}
        return self._reply(
            "contact.html",
            tab="contacts",
            title=full_name(values),
            record=record(self.portal, words, values),
            days=list(days(events[: _LONG if whole else _SHORT], words, forms)),
            more=not whole and len(events) > _SHORT,
            lists=self.portal.lists_of(shown),
        )

    def lists(self, _: Request) -> Response:
        lists = sorted(self.portal.lists, key=lambda item: item.name.casefold())
        return self._reply("lists.html", tab="lists", lists=lists, words=self._words())

    def members(self, request: Request) -> Response:
        found = self.portal.lists.get(int(request.path_params["id"]))
        if found is None:
            return self._missing("There is no such list.")
        members = contact_list.members(self.portal, self._words(), found.members(), _page(request))
        return self._reply("list.html", tab="lists", title=found.name, list=found, directory=members)

    def changes(self, request: Request) -> Response:
        every = "all" in request.query_params
        last = self.portal.recent_changes(_CHANGES, custom_only=not every)
        return self._reply("changes.html", tab="changes", writes=list(writes(self.portal, self._words(), last)), every=every)

    def _missing(self, message: str) -> Response:
        return self._reply("missing.html", status=404, tab="", message=message)

    def _reply(self, template: str, *, status: int = 200, **shown: object) -> Response:
        defaults = {"portal": self.portal, "search": "", "title": ""}
        html = self.templates.get_template(template).render({**defaults, **shown})
        return HTMLResponse(html, status_code=status, headers=_HEADERS)

    def _words(self) -> Wording:
        return Wording(zone=ZoneInfo(self.portal.time_zone), now=self.portal.now_ms())


def _asynchronous(answer: Callable[[Request], Response]) -> Callable[[Request], object]:
    """Answer in the event loop, as the API does: nothing is written while a page is put together."""

    async def endpoint(request: Request) -> Response:
        return answer(request)

    return endpoint


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = lambda value: number(str(value))
    return environment


def _page(request: Request) -> int:
    text = request.query_params.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
