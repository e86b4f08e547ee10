"""Tickets, and the times in which customers waited for replies, from Zendesk into the store."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from survey import clock as our_clock
from survey.delivery.failures import FailureKind
from survey.settings import Settings
from survey.store.database import Database
from survey.store.tickets import (
    ReplyInterval,
    find_intervals,
    find_tickets,
    read_cursor,
    save_cursor,
    save_intervals,
    save_updates,
)
from survey.zendesk.client import Json, ZendeskClient
from survey.zendesk.errors import ZendeskError
from survey.zendesk.export import ReplyEvent, read_reply_events, read_tickets
from survey.zendesk.intervals import add_events, end_interval
from survey.zendesk.tickets import Ticket

# The names under which the store keeps where each export goes on.
TICKETS = "tickets"
METRIC_EVENTS = "metric_events"
# Where the export of tickets begins at a time and has no cursor yet, in seconds.
_SINCE = "since "
# A page of metric events with fewer is the last one, if Zendesk does not say so itself.
FULL_PAGE = 1_000


@dataclass
class ImportSummary:
    """What an import has read: `tickets` of them, and `unreadable` rows that are none. A ticket
    that Zendesk gives twice counts twice. `events` says how often a customer began to wait for a
    reply, or got it."""

    tickets: int = 0
    unreadable: int = 0
    events: int = 0


class TicketImport:
    """An import, page by page. Each page is committed with the place where the next one begins."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        client: ZendeskClient,
        clock: Callable[[], datetime] = our_clock.now,
    ) -> None:
        self._database = database
        self._settings = settings
        self._client = client
        self._clock = clock
        self.summary = ImportSummary()

    def run(self, since: datetime | None, on_progress: Callable[[int], None]) -> ImportSummary:
        """Keep all tickets that have changed since the last import, or since a time, and the waits
        of their customers.

        Broken off, it goes on where it was when it is run again without `since`. Raises
        ZendeskError, and StoreError.
        """
        if since is not None:
            self._begin_at(since)
        self._import_tickets(on_progress)
        self._import_metric_events(on_progress)
        return self.summary

    def _begin_at(self, since: datetime) -> None:
        seconds = str(int(since.timestamp()))
        with self._database.writing() as connection:
            save_cursor(connection, TICKETS, _SINCE + seconds, self._clock())
            save_cursor(connection, METRIC_EVENTS, seconds, self._clock())

    def _import_tickets(self, on_progress: Callable[[int], None]) -> None:
        with self._database.reading() as connection:
            place = read_cursor(connection, TICKETS) or f"{_SINCE}0"
        while True:
            page = self._export_tickets(place)
            cursor = page.get("after_cursor")
            if not cursor and not page.get("end_of_stream"):
                raise _unexpected("it names no next page of tickets")
            place = str(cursor or place)
            self._keep_tickets(page, place)
            on_progress(self.summary.tickets + self.summary.events)
            if page.get("end_of_stream"):
                return

    def _export_tickets(self, place: str) -> Json:
        if place.startswith(_SINCE):
            return self._client.export_tickets(None, int(place.removeprefix(_SINCE)))
        try:
            return self._client.export_tickets(place, 0)
        except ZendeskError as error:
            if error.kind is FailureKind.REJECTED:
                reason = f"{error}: where the last import ended is not known there any more; "
                raise ZendeskError(
                    error.kind, f"{reason}say from when to go on, by --since", status=error.status
                ) from None
            raise

    def _keep_tickets(self, page: Json, place: str) -> None:
        read = read_tickets(page, self._settings)
        with self._database.writing() as connection:
            tickets = save_updates(
                self._database, connection, read.updates, self._settings, self._clock()
            )
            _end_intervals(connection, tickets)
            save_cursor(connection, TICKETS, place, self._clock())
        self.summary.tickets += len(read.updates)
        self.summary.unreadable += read.unreadable

    def _import_metric_events(self, on_progress: Callable[[int], None]) -> None:
        with self._database.reading() as connection:
            begin = int(read_cursor(connection, METRIC_EVENTS) or 0)
        while True:
            page = self._client.export_metric_events(begin)
            end_time = page.get("end_time")
            is_last = page.get("end_of_stream", page.get("count", 0) < FULL_PAGE)
            if isinstance(end_time, int):
                # A page of one second alone would come again and again.
                begin = end_time if is_last else max(end_time, begin + 1)
            elif not is_last:
                raise _unexpected("it does not say where the next metric events begin")
            self._keep_events(list(read_reply_events(page)), begin)
            on_progress(self.summary.tickets + self.summary.events)
            if is_last:
                return

    def _keep_events(self, events: Sequence[ReplyEvent], begin: int) -> None:
        ticket_ids = sorted({event.ticket_id for event in events})
        with self._database.writing() as connection:
            self._database.lock_tickets(connection, ticket_ids)
            known = find_intervals(connection, ticket_ids)
            found = add_events({(each.ticket_id, each.instance): each for each in known}, events)
            tickets = find_tickets(connection, ticket_ids)
            ended = [end_interval(each, tickets.get(each.ticket_id)) for each in found.values()]
            _save_changed(connection, known, ended)
            save_cursor(connection, METRIC_EVENTS, str(begin), self._clock())
        self.summary.events += len(events)


def _end_intervals(connection: Connection, tickets: Iterable[Ticket]) -> None:
    """End the intervals of tickets that were solved, merged or deleted meanwhile."""
    by_id = {ticket.ticket_id: ticket for ticket in tickets}
    known = find_intervals(connection, list(by_id))
    _save_changed(connection, known, [end_interval(each, by_id[each.ticket_id]) for each in known])


def _save_changed(
    connection: Connection, known: Iterable[ReplyInterval], found: Iterable[ReplyInterval]
) -> None:
    before = set(known)
    save_intervals(connection, [each for each in found if each not in before])


def _unexpected(what: str) -> ZendeskError:
    return ZendeskError(
        FailureKind.NEEDS_OPERATOR,
        f"Zendesk's export is not as expected: {what}; please report this",
    )
