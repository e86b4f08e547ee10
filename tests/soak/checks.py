"""The reckoning of a soak: what was acknowledged, stored, sent, tagged, mailed and paid, to the
last one. Each check returns what is wrong, in words; nothing if all is well."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from sqlalchemy import select

from survey.event_values import SURVEY_SENT
from survey.messages.ticket_preparer import RATING_TAGS
from survey.store.models import (
    AnswerRow,
    InvitationRow,
    Origin,
    OutboxRow,
    ResponseRow,
    TicketRow,
)
from survey.vocabulary import InvitationOutcome, TicketStatus
from tests.soak.commands import Commands
from tests.soak.work import Agents, Operator
from tests.soak.world import FINANCE, LEAD, World
from tests.support.customers import Answer
from tests.support.reckoning import opened


def find_problems(
    world: World, thanked: list[Answer], agents: Agents, operator: Operator, commands: Commands
) -> list[str]:
    """Return all that is wrong after a soak. Nothing runs any more but the stand-ins."""
    checks: list[Callable[[], Iterator[str]]] = [
        lambda: _answers(world, thanked, agents, operator.erased),
        lambda: _events(world),
        lambda: _outbox(world),
        lambda: _invitations(world),
        lambda: _tags(world, agents),
        lambda: _mails(world),
        lambda: _reports(world, commands),
        lambda: _logs(world),
    ]
    problems = [problem for check in checks for problem in check()]
    commands.require("donations", "verify")
    return [*problems, *commands.problems]


def _answers(
    world: World, thanked: list[Answer], agents: Agents, erased: set[str]
) -> Iterator[str]:
    """Every acknowledged answer is stored once, and nothing else; a ticket's last one stands."""
    expected = Counter((each.ticket_id, each.rating) for each in thanked)
    expected.update(agents.answered.items())
    with opened(world.database_url) as database, database.reading() as connection:
        columns = (AnswerRow.ticket_id, AnswerRow.rating, AnswerRow.distinct_id, AnswerRow.comment)
        of_site = select(*columns).where(AnswerRow.source == Origin.SITE.value)
        rows = connection.execute(of_site).all()
        ratings = {
            row.ticket_id: row.rating
            for row in connection.execute(select(ResponseRow.ticket_id, ResponseRow.rating))
        }
    found = Counter((row.ticket_id, row.rating) for row in rows)
    yield from _differences("answers", found, expected)
    latest = {each.ticket_id: each.rating for each in thanked} | agents.answered
    wrong = [ticket for ticket, rating in latest.items() if ratings.get(ticket) != rating]
    if wrong:
        yield f"{len(wrong)} responses are not the last answer, such as of {wrong[:3]}"
    kept = [row for row in rows if row.distinct_id in erased]
    if kept:
        yield f"{len(kept)} answers of erased persons have their identity"


def _events(world: World) -> Iterator[str]:
    """Every answer of the site is one event at PostHog, however often it was sent."""
    copies: dict[str, set[str]] = defaultdict(set)
    for path in (world.exports / "ours").glob("*.jsonl"):
        for line in path.read_text().splitlines():
            event = json.loads(line)
            assert event["event"] == SURVEY_SENT
            copies[event["uuid"]].add(line)
    with opened(world.database_url) as database, database.reading() as connection:
        stored = connection.scalars(
            select(AnswerRow.uuid).where(AnswerRow.source == Origin.SITE.value)
        )
        yield from _differences("events", Counter(copies.keys()), Counter(stored))
    different = [uuid for uuid, lines in copies.items() if len(lines) > 1]
    if different and not _has_erasures(world):
        yield f"{len(different)} events were sent twice, and differently, such as {different[:3]}"


def _has_erasures(world: World) -> bool:
    """Whether anybody was erased: what waited then was sent without identity."""
    with opened(world.database_url) as database, database.reading() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM erasures").scalar_one() > 0


def _outbox(world: World) -> Iterator[str]:
    """Nothing waits, and nothing was refused."""
    waits = select(OutboxRow.channel, OutboxRow.dead_at, OutboxRow.last_reason).where(
        OutboxRow.delivered_at.is_(None)
    )
    with opened(world.database_url) as database, database.reading() as connection:
        for row, count in Counter(map(tuple, connection.execute(waits))).items():
            yield f"{count} of the outbox were not sent: {row}"


def _invitations(world: World) -> Iterator[str]:
    """Everybody whose ticket is solved was asked, once."""
    desk = world.zendesk.desk
    with opened(world.database_url) as database, database.reading() as connection:
        sent = set(
            connection.scalars(
                select(InvitationRow.ticket_id).where(
                    InvitationRow.outcome == InvitationOutcome.SENT.value
                )
            )
        )
        solved = set(
            connection.scalars(
                select(TicketRow.ticket_id).where(TicketRow.status == TicketStatus.SOLVED.value)
            )
        )
    at_desk = {str(each.id) for each in desk.tickets.values() if each.status == "solved"}
    if at_desk != solved:
        yield f"tickets that are not known as solved, or not solved: {at_desk ^ solved}"
    if solved - sent:
        yield f"{len(solved - sent)} were not asked, such as {sorted(solved - sent)[:3]}"
    asked = {f"c{ticket}@example.com" for ticket in sent}
    mailed = {mail.recipient for mail in world.mails.mails if mail.recipient not in (LEAD, FINANCE)}
    yield from _differences("invitations mailed", Counter(mailed), Counter(asked))


def _tags(world: World, agents: Agents) -> Iterator[str]:
    """Every ticket that was answered has the tag of its rating, and no other one."""
    for number, ticket in world.zendesk.desk.tickets.items():
        found = set(ticket.tags) & set(RATING_TAGS.values())
        rating = agents.answered.get(str(number))
        expected = set() if rating is None else {RATING_TAGS[rating]}
        if found != expected:
            yield f"ticket {number} has {found} in place of {expected}"
        if len(ticket.tags) != len(set(ticket.tags)):
            yield f"ticket {number} has a tag twice"


def _mails(world: World) -> Iterator[str]:
    """What is mailed about one thing has one Message-ID, and one recipient has no two of it."""
    contents: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for mail in world.mails.mails:
        contents[mail.message["Message-ID"]].add((mail.recipient, mail.message["Subject"]))
    for message_id, different in contents.items():
        if len(different) > 1:
            yield f"two mails have the Message-ID {message_id}: {sorted(different)}"
    ids = defaultdict(set)
    for mail in world.mails.mails:
        ids[mail.recipient].add(mail.message["Message-ID"])
    twice = [each for each in ids if each not in (LEAD, FINANCE) and len(ids[each]) > 1]
    if twice:
        yield f"{len(twice)} customers were asked twice, such as {twice[:3]}"
    finance = Counter(
        subject for each in contents.values() for address, subject in each if address == FINANCE
    )
    if doubled := [subject for subject, count in finance.items() if count > 1]:
        yield f"finance got two mails about one month: {doubled}"


def _reports(world: World, commands: Commands) -> Iterator[str]:
    """The store counts what the export files count."""
    commands.require("import", f"export:{world.exports}")
    counts = []
    for name, source in (("store", "database"), ("files", f"export:{world.exports}")):
        path = world.folder / f"counts-{name}.csv"
        commands.require("aggregate", "--source", source, "--out", str(path))
        counts.append(path.read_text() if path.exists() else "")
    if counts[0] != counts[1]:
        yield "the counts of the store are not those of the export files"


def _logs(world: World) -> Iterator[str]:
    """No process met anything that it does not know."""
    for site in world.sites:
        log = site.log.read_text(errors="replace")
        for word in ("Traceback", "request failed"):
            if word in log:
                yield f"{site.log} has: {log[log.index(word) - 200 :][:2000]}"


def _differences(what: str, found: Counter, expected: Counter) -> Iterator[str]:
    missing, more = expected - found, found - expected
    if missing:
        yield f"{what}: {missing.total()} missing of {expected.total()}: {list(missing)[:3]}"
    if more:
        yield f"{what}: {more.total()} more than {expected.total()}: {list(more)[:3]}"
