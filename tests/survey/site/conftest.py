"""One browser and one site for all tests in a browser; each has a window and tickets of its own."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from survey.site.app import create_app
from survey.store.database import Database
from survey.store.migrate import upgrade
from tests.support.browser import served
from tests.support.clock import Clock
from tests.support.settings import make_settings
from tests.support.states import LINK_SECRET, Survey


@pytest.fixture(scope="session")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survey]:
    folder = tmp_path_factory.mktemp("survey")
    settings = make_settings(
        database_url=f"sqlite:///{folder}/csat.db",
        name="Ada’s support",
        link_secret=LINK_SECRET,
        thanks_text="Those who helped you read every word.",
        privacy_url="https://privacy.example.com",
        support_url="https://support.example.com",
    )
    database = Database(settings.database_url)
    upgrade(database)
    clock = Clock()
    app = create_app(settings, database, clock)
    with served(app) as url:
        yield Survey(url, app, clock)
    database.close()


@pytest.fixture(scope="session")
def window(browser: Browser) -> Iterator[Page]:
    """A window for all tests that need no other."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def page(window: Page) -> Iterator[Page]:
    """A phone's window.

    To open one takes ten times as long as to open a page in it. Tests can share it, because the
    site keeps nothing in a browser; a test says so.
    """
    window.set_viewport_size({"width": 390, "height": 844})
    window.emulate_media(
        color_scheme="null", forced_colors="null", reduced_motion="null", contrast="null"
    )
    yield window
    window.context.unroute_all()
    for other in window.context.pages:
        if other != window:
            other.close()
