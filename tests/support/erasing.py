"""A person who has left traces in every table, and what is left of them."""

import os
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from sqlalchemy import Connection, event, text, update

from pipeline.importing import AnswerImport
from survey.counting_rules import CountingRules
from survey.erasing.person import erase_person
from survey.events import Questions
from survey.invitations.inviting import invite_due
from survey.links import parse_link
from survey.page_views import PageView, receive_page_views
from survey.receive import Arrival, Submission, receive_all
from survey.rederive import apply_rules
from survey.settings import Settings
from survey.store.audit import add_entry
from survey.store.database import Database
from survey.store.marks import add_mark
from survey.store.models import Base, OutboxRow
from survey.store.tickets import save_updates
from survey.vocabulary import Trust
from survey.voiding import unvoid, void
from tests.support.command import FORKS
from tests.support.events import as_imported, make_event
from tests.support.help_desk import ticket_update
from tests.support.settings import make_settings

# Each holds what JSON and HTML write otherwise, around a part that is the same in every writing.
# The part has letters beyond f, so that no uuid and no hash holds it by chance.
PERSON = 'jané "q7f3az" <x>'
ID_MARK, WORDS_MARK = b"q7f3az", b"w9c1dx"
WORDS = 'They said "w9c1dx" – twice.'
MAIL = "mail-q7f3az@example.com"


def settings_of(database_url: str, **given: object) -> Settings:
    """Settings with which every table is used."""
    return make_settings(
        database_url=database_url,
        smtp_url="smtp://127.0.0.1:9",
        mail_from="care@example.com",
        invite="smtp",
        alert_webhook="http://127.0.0.1:9/hook",
        alert_recipients="all=lead@example.com",
        survey_delay="1h",
        **given,
    )


def answer(
    database: Database,
    settings: Settings,
    ticket_id: str,
    at: datetime,
    *,
    person: str = PERSON,
    rating: int = 1,
    comment: str | None = WORDS,
    trust: Trust = Trust.UNVERIFIED,
) -> None:
    """Somebody answers on the site."""
    area = "area w9c1dx" if comment == WORDS else ""
    parameters = {"ticketId": ticket_id, "distinct_id": person, "team": "surveys"}
    link = parse_link({**parameters, "initialTargetArea": area})
    form = Submission(link, trust, rating, comment, None, Questions("How?", "Why?"))
    receive_all(database, settings, [Arrival(form, at)])


def leave_traces(database: Database, settings: Settings, at: datetime) -> None:
    """Let a person come by every door, and others write about them; the tickets are T1 to T6."""
    rules = CountingRules.of(settings)
    apply_rules(database, rules)
    for ticket_id in ("T1", "T2", "T3"):
        answer(database, settings, ticket_id, at)
    answer(database, settings, "T2", at, person="joe", rating=5, comment="By joe.")
    answer(database, settings, "T2", at, rating=2)
    bring_events(database, settings, at)
    view = parse_link({"ticketId": "T1", "distinct_id": PERSON, "initialTargetArea": "w9c1dx"})
    receive_page_views(database, settings, [PageView(view, Trust.UNVERIFIED, "p", "en", at)])
    void(database, settings, "T3", f"by {PERSON}: w9c1dx", at)
    void(database, settings, "T2", f"by {PERSON}", at)
    unvoid(database, settings, "T2", "w9c1dx was right", at)
    solved = {"solved_at": at, "updated_at": at, "created_at": at - timedelta(days=2)}
    updates = [
        ticket_update("T1", requester_external_id=PERSON, requester_email=MAIL, **solved),
        ticket_update("T6", requester_external_id=None, requester_email=PERSON, **solved),
        ticket_update("T7", requester_external_id="joe", requester_email="joe@x.example", **solved),
    ]
    with database.writing() as connection:
        save_updates(database, connection, updates, settings, at)
        add_entry(connection, at, "ada", "lead", "add mark", f"2026-10-14 {PERSON}")
        add_mark(connection, at.date(), f"Call with {PERSON}", "ada", at)
    invite_due(database, settings, at + timedelta(hours=2))
    with database.writing() as connection:
        words = f"400: {PERSON} wrote {WORDS}"
        refused = update(OutboxRow).where(OutboxRow.ticket_id == "T1", OutboxRow.channel != "x")
        connection.execute(refused.values(last_reason="400", error_message=words))
        dead = update(OutboxRow).where(OutboxRow.ticket_id == "T2").values(dead_at=at)
        connection.execute(dead)
        sent = update(OutboxRow).where(OutboxRow.ticket_id == "T3").values(delivered_at=at)
        connection.execute(sent)


def bring_events(database: Database, settings: Settings, at: datetime) -> AnswerImport:
    """Import the person's events, and those of others about them; the run."""
    rules = CountingRules.of(settings)
    events = [
        make_event(
            "e1", at=at, distinct_id=PERSON, ticketId="T4", comment=WORDS, more={"x": WORDS}
        ),
        make_event("e1", at=at, distinct_id=PERSON, ticketId="T4", **{"$survey_response_1": WORDS}),
        make_event(
            "e1", at=at, distinct_id=PERSON, ticketId="T4", **{"$survey_response_1": "w9c1dx"}
        ),
        make_event("e2", at=at, distinct_id="a device", ticketId="T5", userId=PERSON, words=WORDS),
        make_event("e3", at=at, distinct_id="joe", ticketId="T5", **{"$survey_response_1": "Hi"}),
    ]
    keys = settings.secret_keys
    run = AnswerImport(database, rules, keys)
    run.add([as_imported(event, rules) for event in events])
    return run


def dump(database: Database) -> dict[str, bytes]:
    """All bytes that the store keeps, by file or by table."""
    if database.path is not None:
        folder: Path = database.path.parent
        return {path.name: path.read_bytes() for path in folder.glob(f"{database.path.name}*")}
    with database.reading() as connection:
        return {name: b"\n".join(_rows(connection, name)) for name in Base.metadata.tables}


def erase_killed_before(settings: Settings, step: int, now: datetime) -> bool:
    """Erase the person in a process that is killed by kill -9 before its statement of this number,
    or the commit that comes then; return whether it came to its end before."""
    process = FORKS.Process(target=_erase_until, args=(settings, step, now))
    process.start()
    process.join(60)
    code = process.exitcode
    process.close()
    assert code in (0, -signal.SIGKILL), f"the erasure failed with exit code {code}"
    return code == 0


def _erase_until(settings: Settings, step: int, now: datetime) -> None:
    database = Database(settings.database_url)
    steps = count(1)

    def pass_by(*_: object) -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("before_cursor_execute", "commit"):
        event.listen(database.engine, name, pass_by)
    erase_person(database, settings, PERSON, "Ada", now)


def _rows(connection: Connection, table: str) -> Iterator[bytes]:
    for row in connection.execute(text(f"SELECT * FROM {table}")):
        yield "\t".join(map(str, row)).encode()


def find_marks(database: Database) -> set[tuple[str, bytes]]:
    """Where anything of the person is."""
    return {
        (name, mark)
        for name, content in dump(database).items()
        for mark in (ID_MARK, WORDS_MARK)
        if mark in content
    }
