"""`make screenshots`: the pictures of README.md, docs/leads.md, docs/mail.md and docs/posthog.md,
made anew from the sample."""

import re
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from click.testing import CliRunner
from playwright.sync_api import Browser, Page
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from csat import PARTS, cli
from demo.load import load_sample
from demo.standin import PostHogStandIn
from demo.standin_access import PERSONAL_KEY, PROJECT_ID
from pipeline.query import ReportQuery
from reports.links import FileLinks
from reports.loading import ReportLoader
from reports.mail.message import render_report_mail
from reports.page import render_page
from survey.counting_rules import CountingRules
from survey.languages import find_language
from survey.mail.invitation import Mail, invite_to_ticket, render_mail
from survey.periods import Period
from survey.rederive import apply_rules
from survey.settings import DEFAULT_SURVEY_ID, Settings
from survey.site.app import create_app
from survey.store.database import Database
from survey.store.migrate import upgrade
from tests.support.browser import running_browser, served
from tests.support.clock import Clock
from tests.support.command import ROOT
from tests.support.mails import html_with_pictures
from tests.support.pages import address
from tests.support.settings import make_settings

UNTIL = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
OCTOBER = ReportQuery(Period.parse("2026-10"))
DOCS = ROOT / "docs"
GROUND = "#d9d1c7"
LINES_OF_A_TERMINAL = 30


def main() -> None:
    """Write docs/screenshot.png, docs/report.png, docs/report-mail.png, docs/mail.png and
    docs/posthog-plan.png."""
    fonts = subprocess.run(["fc-list", ":lang=ja"], capture_output=True, check=True)
    if not fonts.stdout:
        raise SystemExit(
            "no font for Japanese; install some: apt install fonts-noto-core fonts-noto-cjk"
        )
    with tempfile.TemporaryDirectory() as folder, running_browser() as browser:
        settings = make_settings(
            database_url=f"sqlite:///{folder}/csat.db",
            name="PostHog",
            support_url="https://help.example.com",
            privacy_url="https://example.com/privacy",
            charity_name="Hedgehog Rescue",
        )
        database = Database(settings.database_url)
        upgrade(database)
        load_sample(database, settings, UNTIL, lambda _done, _all: None)
        apply_rules(database, CountingRules.of(settings))
        numbers = ReportLoader(database, settings, lambda: UNTIL).load(OCTOBER)
        report = render_page(numbers, settings, FileLinks())
        picture_site(browser, settings, database, report, DOCS / "screenshot.png")
        database.close()
        picture_report(browser, report, DOCS / "report.png")
        report_mail = html_with_pictures(render_report_mail(numbers, settings))
        picture_report_mail(browser, report_mail, DOCS / "report-mail.png")
        picture_mail(browser, settings, DOCS / "mail.png")
        picture_plan(browser, DOCS / "posthog-plan.png")


def picture_site(
    browser: Browser, settings: Settings, database: Database, report: str, path: Path
) -> None:
    """The survey page and the thanks on a phone, and the report on a desktop."""
    clock = Clock()
    clock.time = UNTIL
    size = {"width": 390, "height": 1010}
    with served(create_app(settings, database, clock)) as url, opened(browser, size) as page:
        page.goto(f"{url}{address(ticketId='90001')}")
        page.check("input[value='4']", force=True)
        page.fill("textarea", "Fixed within the hour, and explained why it broke.")
        page.locator("textarea").blur()
        question = page.screenshot()
        page.click("button.send")
        page.wait_for_load_state()
        thanks = page.screenshot()
    join(
        browser, [[question, thanks, show(browser, report, {"width": 1100, "height": 1010})]], path
    )


def picture_report(browser: Browser, report: str, path: Path) -> None:
    """The report on a desktop and on a phone, light and dark, and on paper."""
    wide, narrow = {"width": 1440, "height": 1700}, {"width": 390, "height": 1700}
    # An A4 page between its margins.
    with opened(browser, {"width": 695, "height": 1700}) as page:
        page.set_content(report)
        page.emulate_media(media="print")
        paper = page.screenshot()
    phones = [show(browser, report, narrow, dark=dark) for dark in (False, True)]
    join(browser, [[show(browser, report, wide), *phones, paper]], path)


def picture_report_mail(browser: Browser, html: str, path: Path) -> None:
    """The report by mail on a desktop in the light, and on a phone in the dark."""
    wide, narrow = {"width": 620, "height": 1150}, {"width": 390, "height": 1150}
    row = [show(browser, html, wide), show(browser, html, narrow, dark=True)]
    join(browser, [row], path)


def picture_mail(browser: Browser, settings: Settings, path: Path) -> None:
    """The mail on a desktop and on a phone, light and dark, in Arabic, and without styles."""
    mails = {tag: make_mail(settings, tag) for tag in ("en", "de", "ar")}
    bare = re.sub(r"(?s)<style>.*?</style>", "", mails["en"].html)
    bare = re.sub(r' (style|class)="[^"]*"', "", bare)
    wide, narrow = {"width": 620, "height": 640}, {"width": 390, "height": 900}
    rows = [
        [show(browser, mails["en"].html, wide), show(browser, mails["en"].html, wide, dark=True)],
        [
            show(browser, mails["en"].html, narrow),
            show(browser, mails["de"].html, narrow, dark=True),
            show(browser, mails["ar"].html, narrow),
            show(browser, bare, {"width": 580, "height": 900}),
        ],
    ]
    join(browser, rows, path)


def picture_plan(browser: Browser, path: Path) -> None:
    """The dry run on a terminal: of a fresh project, and after somebody changed things by hand."""
    with PostHogStandIn() as posthog:
        variables = {
            "CSAT_POSTHOG_HOST": posthog.url,
            "CSAT_POSTHOG_PROJECT_ID": PROJECT_ID,
            "CSAT_POSTHOG_PERSONAL_KEY": PERSONAL_KEY,
        }
        posthog.setup.next_survey_id = DEFAULT_SURVEY_ID
        fresh = run_in_colour("posthog", "setup", **variables)
        run_in_colour("posthog", "setup", "--apply", **variables)
        by_month, by_team = posthog.setup.things["insights"][:2]
        by_month["name"] = "Happiness"
        source = by_team["query"]["source"]
        source["query"] = source["query"].replace("rating >= 4", "rating >= 3")
        posthog.setup.things["surveys"][0]["end_date"] = "2026-11-20T09:00:00Z"
        posthog.setup.things["dashboards"][0]["tiles"][0]["layouts"]["sm"]["w"] = 12
        changed = run_in_colour("posthog", "setup", **variables)
    cut = "\n".join([*fresh.splitlines()[:LINES_OF_A_TERMINAL], "…"])
    join(browser, [[draw_terminal(browser, text)] for text in (cut, changed)], path)


def run_in_colour(*arguments: str, **variables: str) -> str:
    """What a command prints on a terminal."""
    done = CliRunner().invoke(cli, arguments, color=True, env=variables, obj=PARTS)
    assert done.exit_code == 0, done.output
    return done.output


def draw_terminal(browser: Browser, text: str) -> bytes:
    """Lines of a terminal as a picture."""
    console = Console(record=True, width=110, file=StringIO())
    console.print(Text.from_ansi(f"$ csat posthog setup\n{text}"))
    style = "body{margin:0;padding:20px 24px;background:#201d1a;color:#efe9e1}"
    style += "pre{margin:0;font:13px/1.4 'DejaVu Sans Mono',monospace}"
    html = console.export_html(
        inline_styles=True, code_format="<pre>{code}</pre>", theme=DIMMED_MONOKAI
    )
    with opened(browser, {"width": 960, "height": 600}) as page:
        page.set_content(f"<style>{style}</style>{html}")
        return page.screenshot(full_page=True)


def make_mail(settings: Settings, tag: str) -> Mail:
    """The invitation to a ticket's survey in a language."""
    ticket = {"distinct_id": "customer-1", "ticketId": "4211", "team": "surveys"}
    language = find_language(tag)
    assert language is not None
    return render_mail(invite_to_ticket(ticket, language, settings), settings, language)


@contextmanager
def opened(browser: Browser, size: dict[str, int], *, dark: bool = False) -> Iterator[Page]:
    """A window of this size."""
    scheme = "dark" if dark else "light"
    page = browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    yield page
    page.close()


def show(browser: Browser, html: str, size: dict[str, int], *, dark: bool = False) -> bytes:
    """A page as a picture."""
    with opened(browser, size, dark=dark) as page:
        page.set_content(html)
        return page.screenshot()


def join(browser: Browser, rows: Sequence[Sequence[bytes]], path: Path) -> None:
    """Put pictures beside and below each other into one."""
    lines = (
        "".join(f'<img src="data:image/png;base64,{b64encode(each).decode()}">' for each in row)
        for row in rows
    )
    html = "".join(f"<div>{line}</div>" for line in lines)
    style = "body,div{display:flex;gap:24px;justify-content:center}body{margin:0;padding:24px;"
    style += f"width:max-content;flex-direction:column;background:{GROUND}}}"
    with opened(browser, {"width": 400, "height": 400}) as page:
        page.set_content(f"<style>{style}</style>{html}")
        page.locator("body").screenshot(path=path)


if __name__ == "__main__":
    main()
