"""The console as an ASGI application: its paths, behind the guard of access.py."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sync_worker.console.access import AccessGuard, split_hosts
from sync_worker.console.contact import build_contact_page, build_search_page, find_contact
from sync_worker.console.endpoints import Action, BuildPage, CopyWorker, Endpoints, build_error_page
from sync_worker.console.held_back import build_held_back_page
from sync_worker.console.overview import build_overview
from sync_worker.console.page import ConsolePage, render_style
from sync_worker.console.plan import build_plan_page
from sync_worker.console.revisions import build_revisions_page, record_review
from sync_worker.console.runs import build_runs_page
from sync_worker.console.scores import build_scores_page, record_report
from sync_worker.console.service_facts import ServiceFacts
from sync_worker.worker import Worker


def build_console(copy_worker: CopyWorker, read_service: Callable[[], ServiceFacts], hosts: Collection[str] = ()) -> ASGIApp:
    """Return the console; `hosts` are the names under which other machines may open it."""
    endpoints = Endpoints(copy_worker=copy_worker)

    def show_overview(worker: Worker, _request: Request) -> ConsolePage:
        return build_overview(worker, read_service())

    pages: Mapping[str, BuildPage] = {
        "/": show_overview,
        "/runs": lambda worker, _: build_runs_page(worker),
        "/held-back": lambda worker, _: build_held_back_page(worker),
        "/plan": lambda worker, _: build_plan_page(worker),
        "/scores": lambda worker, _: build_scores_page(worker),
        "/revisions": lambda worker, _: build_revisions_page(worker),
        "/contacts": lambda worker, _: build_search_page(worker),
        "/contacts/{contact:int}": lambda worker, request: build_contact_page(worker, request.path_params["contact"]),
    }
    actions = {
        "/contacts": Action(run=find_contact, read_only=True),
        "/reports": Action(run=lambda worker, _: record_report(worker)),
        "/reviews": Action(run=record_review),
    }
    routes = [Route(path, endpoints.show(build)) for path, build in pages.items()]
    routes += [Route(path, endpoints.act(action), methods=["POST"]) for path, action in actions.items()]
    routes.append(Route("/style.css", lambda _: Response(render_style(), media_type="text/css")))
    routes.append(Route("/{rest:path}", endpoints.show(lambda _worker, _request: build_error_page("There is no such page.", 404))))
    return AccessGuard(Starlette(routes=routes), split_hosts(hosts))
