"""`csat demo`: run everything together, on sample answers."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from demo.accounts import PASSWORD, add_accounts
from demo.folder import SURVEY_DELAY, DemoFolder
from demo.links import survey_links
from demo.load import load_sample
from demo.mail_catcher import MailCatcher
from demo.overview import CUSTOMER, FINANCE, LEAD, OPERATOR, Entry, read_highlights
from demo.posthog_setup import set_posthog_up
from demo.processes import free_port, run_tick, running_site, watch_site, write_reports
from demo.standin import PostHogStandIn
from demo.zendesk_load import load_tickets
from demo.zendesk_page import DeskPages
from demo.zendesk_setup import choose_settings, prepare_desk
from demo.zendesk_standin import ZendeskStandIn
from survey.clock import now
from survey.counting_rules import CountingRules
from survey.errors import CsatError
from survey.months import Month
from survey.rederive import apply_rules
from survey.settings import Settings
from survey.store.database import Database
from survey.store.ledger import read_head
from survey.store.migrate import upgrade

# The files of a report that the page offers besides the report itself, and for whom they are.
FILES = (
    (LEAD, "comments.csv"),
    (LEAD, "teams.csv"),
    (LEAD, "trend.csv"),
    (LEAD, "targets.csv"),
    (FINANCE, "donations.csv"),
    (FINANCE, "quality.csv"),
    (FINANCE, "counts.csv"),
)
_FILE_NAMES = {name for _, name in FILES}
_PORT = click.IntRange(1, 65535)


class Stopped(BaseException):
    """Ctrl-C or SIGTERM. Not an Exception, so that no handler of failures catches it."""


@click.command()
@click.option("--port", type=_PORT, help="Port of the survey site.  [default: a free one]")
@click.option("--overview-port", type=_PORT, help="Port of the demo's page.  [default: a free one]")
@click.option("--fresh", is_flag=True, help="Delete the demo's data first, also your answers.")
def demo(port: int | None, overview_port: int | None, fresh: bool) -> None:
    """A full working site to click through, with sample answers. Nothing to set up.

    Makes 13 months of answers to some 5,000 tickets in var/demo/, writes the reports of this
    month and the last, starts the site and the reports, and delivers to a built-in stand-in for
    PostHog. Prints one address: a page with survey links, the reports with an account of each
    role, every event as it arrives, and an alert within a minute of a low rating. From there a
    page leads through the life of a ticket at a stand-in for Zendesk, and shows the mails.

    \b
    In the sample:
      one team whose CSAT really drops, in the last complete month
      teams too small for any conclusion
      edits, answers by strangers, late changes
      events of the predecessor, with bad ratings, missing teams and duplicates
      comments in several languages, some of them hostile
      six months of tickets: who was asked and why not, replies within their targets and late
      twelve closed months of donations, one paid late, the last not yet, two with adjustments

    Touches nothing but var/demo/, and sends nothing anywhere. Your CSAT_TEAMS and CSAT_TIMEZONE
    apply, no other setting of yours does. Answers that you give stay for the next run. Stop with
    Ctrl-C.
    """
    console = Console(highlight=False, soft_wrap=True)
    folder = DemoFolder(Path("var/demo").resolve())
    try:
        with _stopped_by_signals(), folder.locked():
            if fresh:
                folder.clear()
            _run(console, folder, port or free_port(), overview_port or 0)
    except Stopped:
        console.print("Stopped. Your answers stay for the next run.")


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    def stop(*_: object) -> None:
        # A second Ctrl-C must not interrupt the clean-up that follows.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(console: Console, folder: DemoFolder, port: int, overview_port: int) -> None:
    base_url, until = f"http://127.0.0.1:{port}", now()
    with (
        _standin(overview_port, folder) as standin,
        ZendeskStandIn() as zendesk,
        MailCatcher() as catcher,
    ):
        more = choose_settings(zendesk, catcher)
        settings = folder.settings(more)
        environment = folder.environment(base_url=base_url, standin=standin.url, more=more)
        with _prepared_store(console, settings, until) as database:
            prepare_desk(zendesk, database, settings, base_url, until)
        with _saying(console, "Setting PostHog up"):
            set_posthog_up(standin, settings, until)
        tick = partial(run_tick, folder, environment)
        standin.help_desk = DeskPages(zendesk, catcher, tick, SURVEY_DELAY)
        this_month = Month.of(until, settings.timezone)
        months = {this_month.shift(-1): "last month", this_month: "this month so far"}
        reports = _write_reports(console, folder, months, environment, standin.url)
        standin.overview = [
            *survey_links(base_url, settings, until),
            Entry(CUSTOMER, "Tickets at Zendesk, to solve", f"{standin.url}/zendesk"),
            Entry(FINANCE, "Hedgehogs fed, for everybody", f"{base_url}/hedgehogs"),
            Entry(FINANCE, "Donations, to sign in as finance", f"{base_url}/reports/donations"),
            Entry(LEAD, "Reports, to sign in", f"{base_url}/reports/"),
            Entry(LEAD, "As lead, finance or admin, with", PASSWORD),
            *reports,
            Entry(OPERATOR, "PostHog's dashboard, set up as code", f"{standin.url}/posthog"),
            Entry(OPERATOR, "Is the site ready?", f"{base_url}/readyz"),
            Entry(OPERATOR, "Log of the site", str(folder.log)),
        ]
        standin.highlights = read_highlights(folder.report / str(this_month.shift(-1)))
        with running_site(folder, port, environment) as site:
            _announce(console, standin)
            watch_site(site, folder)


@contextmanager
def _prepared_store(console: Console, settings: Settings, until: datetime) -> Iterator[Database]:
    database = Database(settings.database_url)
    try:
        upgrade(database)
        apply_rules(database, CountingRules.of(settings))
        with _showing_progress(console, "Making sample answers") as on_progress:
            load_sample(database, settings, until, on_progress)
        with _saying(console, "Making their tickets"):
            load_tickets(database, settings, until)
        _add_donations(database, settings, until)
        add_accounts(database, until)
        yield database
    finally:
        database.close()


def _add_donations(database: Database, settings: Settings, until: datetime) -> None:
    """Add the sample's donation ledger, unless there is one."""
    with database.reading() as connection:
        if read_head(connection).sequence:
            return
    # What closes months takes a second to import.
    from demo.donations import add_donations

    # Tickets that were voided then were closed long ago, and the help desk has them no more.
    add_donations(database, settings.model_copy(update={"zendesk_write_back": "off"}), until)


@contextmanager
def _showing_progress(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal. Elsewhere print one line at the end, if there was work to do."""
    if not console.is_terminal:

        def say(done: int, total: int) -> None:
            if done == total:
                console.print(f"{what}: {total:,} tickets")

        yield say
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def _standin(port: int, folder: DemoFolder) -> Iterator[PostHogStandIn]:
    standin = PostHogStandIn(port, report_folder=folder.report)
    try:
        standin.start()
    except OSError as error:
        raise CsatError(
            f"cannot listen on 127.0.0.1:{port}: {error.strerror}. "
            "Stop what listens there, or choose another with --overview-port."
        ) from None
    try:
        yield standin
    finally:
        standin.stop()


def _write_reports(
    console: Console,
    folder: DemoFolder,
    months: Mapping[Month, str],
    environment: Mapping[str, str],
    address: str,
) -> list[Entry]:
    """Write the reports. Return the entries to open: each report, the files of the first one, and
    the folder of all reports."""
    written: list[Entry] = []
    with _saying(console, "Writing the reports of " + " and ".join(map(str, months))):
        problems = write_reports(folder, months, environment)
    for month, problem in problems.items():
        if problem is None:
            label = f"Report of {month}, {months[month]}"
            written.append(Entry(LEAD, label, f"{address}/report/{month}/report.html"))
        else:
            # The rest of the demo is useful without this report.
            console.print(f"The report of {month} could not be written:", style="yellow")
            console.print(problem, markup=False)
    if not written:
        return []
    newest = written[0].address.removesuffix("report.html")
    files = [Entry(part, name, f"{newest}{name}") for part, name in FILES]
    return [*written, *files, Entry(OPERATOR, "Files of the reports", str(folder.report))]


@contextmanager
def _saying(console: Console, what: str) -> Iterator[None]:
    """Show a spinner on a terminal. Elsewhere print a line."""
    if not console.is_terminal:
        console.print(what)
        yield
        return
    with console.status(what):
        yield


def _announce(console: Console, standin: PostHogStandIn) -> None:
    console.print("\n[bold]The demo is running.[/bold] This page leads to all of it:\n")
    console.print(f"  [bold cyan]{standin.url}/[/bold cyan]\n")
    events = Entry(OPERATOR, "Events as they arrive", f"{standin.url}/")
    entries = [entry for entry in standin.overview if entry.label not in _FILE_NAMES]
    width = max(len(entry.label) for entry in [*entries, events])
    for entry in [*entries, events]:
        console.print(f"  {entry.label:<{width}}  {entry.address}", markup=False)
    console.print("\nStop with Ctrl-C.")
