"""`csat import`: answers from elsewhere into the store."""

from contextlib import closing

import click

from pipeline.importing import ImportSummary, import_events
from pipeline.sources.base import TRUST_IS_BELIEVED, BadSource, EventSource
from pipeline.sources.opening import open_event_source
from survey.counting_rules import CountingRules
from survey.progress import show_progress
from survey.rederive import apply_rules, responses_are_current
from survey.settings import Settings, load_settings
from survey.store.database import Database
from survey.store.migrate import upgrade
from survey.store.schema import require_supported_schema
from survey.vocabulary import COUNTED


@click.command("import")
@click.argument("source_name", metavar="SOURCE")
def import_answers(source_name: str) -> None:
    """Put the answers of SOURCE into the store, where all reports find them.

    SOURCE is export:PATH for what PostHog exported (a file, a folder, a pattern, or an address
    like s3://bucket/folder), or posthog, which asks PostHog itself and needs
    CSAT_POSTHOG_PROJECT_ID and CSAT_POSTHOG_PERSONAL_KEY.

    It can be run again and again: what is there already stays as it is. Broken off, it goes on
    when it is run again. Imported answers are not sent to PostHog. The site may be running.

    Prints what became of the answers, in numbers that add up to those received:

    \b
    new           they count now: as a response, or as the edit of one
    known         the site received them, or an earlier import brought them
    duplicate     copies of an event that differ from the one that counts
    other_survey  of another survey than CSAT_SURVEY_ID
    no_ticket, invalid_rating, test, void, unverified, other_person, late_change
                  why an answer does not count; it is stored all the same
    """
    settings = load_settings()
    rules = CountingRules.of(settings)
    source = _open(source_name, settings, rules)
    with closing(Database(settings.database_url)) as database:
        if database.is_sqlite:
            upgrade(database)
        else:
            # Many processes share a server: when its schema changes is for the operator to say.
            require_supported_schema(database)
        if not responses_are_current(database, rules):
            with show_progress("Deriving responses anew") as on_progress:
                apply_rules(database, rules, on_progress)
        with show_progress("Importing") as on_progress:
            summary = import_events(source, rules, database, on_progress, settings.secret_keys)
    for line in describe(summary):
        click.echo(line)
    if summary.believed:
        click.echo(TRUST_IS_BELIEVED)


def _open(name: str, settings: Settings, rules: CountingRules) -> EventSource:
    try:
        if name == "database":
            raise BadSource("the database is where answers are imported to")
        return open_event_source(name, settings, rules)
    except BadSource as error:
        raise click.BadParameter(str(error), param_hint="SOURCE") from None


def describe(summary: ImportSummary) -> list[str]:
    """Return the numbers in a table; all below the first add up to it."""
    counted = ", ".join(f"{outcome} {summary.outcomes[outcome]:,}" for outcome in COUNTED)
    rows: list[tuple[str, int, str]] = [
        ("received", summary.received, ""),
        ("new", summary.new, f"  ({counted})"),
        ("known", summary.known, ""),
        *((str(reason), answers, "") for reason, answers in summary.reasons.items()),
    ]
    width = max(len(f"{answers:,}") for _, answers, _ in rows)
    return [f"{word:<14}  {answers:>{width},}{note}" for word, answers, note in rows]
