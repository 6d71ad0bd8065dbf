"""The pages in a real browser: nothing to scroll sideways on a phone, contrast and names for all, and a way by keyboard alone.

One test, because each start of a browser takes seconds.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sync_worker.console.app import build_console
from sync_worker.console.page import PAGES
from sync_worker.service.console_server import serve_app
from tests.console.conftest import FACTS, open_desk

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
sync_playwright = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
CONSOLE_PATHS = [*(path for path, _ in PAGES), "/contacts/1", "/wp-admin"]
SANDBOX_PATHS = ["/", "/lists", "/lists/1", "/changes", "/workflows", "/contacts/1", "/?q=nothing"]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa"]}


@contextmanager
def open_page() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page(viewport=PHONE)
        browser.close()


def assert_fits(page: Any, address: str) -> None:
    page.goto(address)
    width, available = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= available, f"{address} is {width} pixels wide"


def assert_accessible(page: Any, address: str) -> None:
    page.goto(address)
    violations = sync_playwright.Axe().run(page, options=RULES).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in violations] == []


def focus_next(page: Any) -> str:
    """Press Tab, and return the text or the name of what has the focus."""
    page.keyboard.press("Tab")
    return str(page.evaluate("document.activeElement.innerText || document.activeElement.name || document.activeElement.tagName"))


def acknowledge_by_keyboard(page: Any, address: str) -> None:
    page.goto(f"{address}/revisions")
    assert focus_next(page) == "Skip to the content"
    assert page.locator(".skip").bounding_box()["x"] >= 0  # visible while it has the focus
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "title"
    assert focus_next(page) == "note"
    page.keyboard.type("All bands look right.")
    assert focus_next(page) == "author"
    page.keyboard.type("Ada")
    assert focus_next(page) == "Acknowledge the review"
    page.keyboard.press("Enter")
    page.wait_for_url("**/revisions?done=review")
    assert page.get_by_role("status").inner_text() == "The review is recorded."
    assert "Ada: review: All bands look right." in page.inner_text("main")


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_the_pages_fit_a_phone_are_accessible_and_work_by_keyboard_alone(tmp_path: Path) -> None:
    with ExitStack() as stack:
        desk = open_desk(stack, tmp_path)
        port = stack.enter_context(serve_app("127.0.0.1", 0, {}, build_console(desk.worker.copy, lambda: FACTS)))
        page, address = stack.enter_context(open_page()), f"http://127.0.0.1:{port}"
        messages: list[str] = []
        page.on("console", lambda message: messages.append(message.text))
        for path in SANDBOX_PATHS:
            assert_fits(page, f"{desk.harness.server.base_url}{path}")
        for path in CONSOLE_PATHS:
            assert_fits(page, f"{address}{path}")
        acknowledge_by_keyboard(page, address)
        assert_accessible(page, f"{address}/revisions")
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size(DESK)
        for path in ("/scores", "/contacts/1"):  # axe takes most of a second for a page, and all pages have one template
            assert_fits(page, f"{address}{path}")
            assert_accessible(page, f"{address}{path}")
        assert [text for text in messages if "404" not in text] == []  # such as content that the policy blocks
