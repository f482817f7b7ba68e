"""The pages in a real browser: keyboard, screen reader, both themes, and without JavaScript."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import URL, Engine

from recsys.web.access import Access
from recsys.web.app import create_app
from tests.helpers.web import listening

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium"),
]
PAGES = [
    "/",
    "/viewer?user_id=42&why=33&shelf=you",
    "/viewer?user_id=-5",
    "/film/7?user_id=42",
    "/search?title=matirx&plot=a+shark+attacks",
    "/try?liked=1&liked=7",
    "/compare?user_id=42",
    "/models",
    "/data",
    "/api",
    "/nothing",
]
FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def reader(learned_url: URL) -> Iterator[str]:
    """Address of a server that shows all that there is, and is not written to."""
    with listening(create_app(learned_url, Access(ratings=True, admin=True))) as address:
        yield address


@pytest.fixture
def writer(learned_engine: Engine) -> Iterator[str]:
    with listening(create_app(learned_engine.url, Access(ratings=True))) as address:
        yield address


@contextmanager
def opened(
    browser: Browser, address: str, complains: bool = False, **settings: Any
) -> Iterator[Page]:
    """Yield a page at an address; it must neither complain, unless it may, nor ask elsewhere."""
    page = browser.new_context(**settings).new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    yield page
    page.context.close()
    assert complains or complaints == []
    origin = "/".join(address.split("/")[:3])
    assert [url for url in requests if not url.startswith(f"{origin}/")] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_barrier(
    browser: Browser, reader: str, path: str, width: int, theme: Any
) -> None:
    size: Any = {"width": width, "height": 800}
    missing = path == "/nothing"
    with opened(browser, reader + path, missing, viewport=size, color_scheme=theme) as page:
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found] == []


@pytest.mark.parametrize("path", ["/viewer?user_id=42&why=33&shelf=you", "/try?liked=1", "/data"])
def test_the_keyboard_reaches_everything(browser: Browser, reader: str, path: str) -> None:
    with opened(browser, reader + path) as page:
        expected = page.evaluate(
            f"""[...document.querySelectorAll("{FOCUSABLE}")]
                .filter(one => one.checkVisibility()).map((one, n) => (one.dataset.place = n))"""
        )
        reached = []
        for _ in expected:
            page.keyboard.press("Tab")
            reached.append(page.evaluate("Number(document.activeElement.dataset.place)"))
        assert reached == expected


def test_the_first_tab_skips_to_the_content(browser: Browser, reader: str) -> None:
    with opened(browser, reader) as page:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def films(page: Page) -> list[str]:
    return page.locator("section:has(#you) h3 a").all_inner_texts()


def test_a_click_rates_and_the_list_changes(browser: Browser, writer: str) -> None:
    with opened(browser, f"{writer}/viewer?user_id=42") as page:
        before = films(page)
        page.evaluate("window.same = true")
        page.get_by_role("group", name=f"Your stars for {before[0]}").first.get_by_role(
            "button", name="2 of 5 stars"
        ).click()
        page.get_by_role("status").wait_for()
        assert (
            page.get_by_role("status").inner_text() == f"{before[0]}: 2 stars. The lists know it."
        )
        assert page.evaluate("document.activeElement.getAttribute('role')") == "status"
        assert before[0] not in films(page)
        assert page.evaluate("window.same")  # the page was not loaded again
        assert "recsys.recommend(" in page.locator("#sql").text_content()  # type: ignore[operator]
        page.reload()
        assert before[0] not in films(page)


def test_a_click_that_is_refused_says_why(browser: Browser, writer: str) -> None:
    with opened(browser, f"{writer}/viewer?user_id=42", complains=True) as page:
        page.evaluate("document.getElementsByName('movie_id').forEach(one => one.value = 9999)")
        page.get_by_role("button", name="2 of 5 stars").first.click()
        page.get_by_role("heading", name="404 Not Found").wait_for()
        assert "unknown movie: 9999" in page.locator("main").inner_text()


def test_reasons_open_and_the_address_has_them(browser: Browser, reader: str) -> None:
    start = f"{reader}/viewer?user_id=42"
    with opened(browser, start) as page:
        film = films(page)[1]
        page.get_by_role("link", name=f"Why? {film}").first.click()
        heading = page.get_by_role("heading", name=f"Why {film}?")
        heading.wait_for()
        assert "why=" in page.url
        shared = page.url
        page.go_back()
        heading.wait_for(state="detached")
        assert page.url == start
        page.go_forward()
        heading.wait_for()
        assert page.url == shared
        page.goto(shared)
        assert heading.is_visible()


def test_all_works_without_javascript(browser: Browser, writer: str) -> None:
    with opened(browser, f"{writer}/viewer?user_id=42", java_script_enabled=False) as page:
        before = films(page)
        page.get_by_role("link", name=f"Why? {before[0]}").first.click()
        assert page.get_by_role("heading", name=f"Why {before[0]}?").is_visible()
        page.get_by_role("button", name="4 of 5 stars").nth(0).click()
        assert (
            page.get_by_role("status").inner_text() == f"{before[0]}: 4 stars. The lists know it."
        )
        assert before[0] not in films(page)
        page.goto(f"{writer}/try")
        for n in range(3):
            page.locator("ul.shelf").first.get_by_role("link").first.click()
            assert page.locator("ul.picked li").count() == n + 1
        assert page.get_by_role("heading", name="For you").is_visible()
