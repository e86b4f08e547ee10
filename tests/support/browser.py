"""A browser for tests, and a site in this process for it to open."""

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from survey.serving.worker import serve_site

if TYPE_CHECKING:
    from survey.site.context import SurveySite

# It says of itself that it has no head; customers' browsers do not.
CUSTOMERS_BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def running_browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


def watch_console(page: Page) -> list[str]:
    """What a window's console will say, but that an answer was a refusal, which is no fault of the
    page: what the page's policy forbids is said there, too."""
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if not message.text.startswith("Failed to load resource: the server responded"):
            said.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


@contextmanager
def served(site: "SurveySite") -> Iterator[str]:
    """A site on a port of its own, by the server that real ones run on; its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = serve_site(site, listener)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield address
    finally:
        server.stop()
        thread.join(20)
