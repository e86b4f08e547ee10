"""Page views: the weaker signal beside answers. A customer saw the survey; nothing was answered."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from survey.event_values import SURVEY_SHOWN
from survey.events import build_message, survey_properties
from survey.links import Link, judge_requester
from survey.outbox_payloads import pack_event
from survey.settings import Settings
from survey.store.database import Database
from survey.store.outbox import enqueue
from survey.store.page_views import (
    add_page_views,
    count_page_views,
    known_page_views,
    page_views_by_ticket,
)
from survey.store.tickets import find_requesters
from survey.store.voids import void_among
from survey.vocabulary import Trust

# Nobody views the survey of one ticket more often than this, even with ten faces in a mail.
MOST_OF_A_TICKET = 20
TICKET_PERIOD = timedelta(days=1)
# A thousand a minute are the customers of a million mails a day. This limits a person who invents
# tickets to fill the outbox. Answers have no such limit, because none of them may be lost.
MOST_IN_ALL = 1_000
ALL_PERIOD = timedelta(minutes=1)


@dataclass(frozen=True)
class PageView:
    """One view of the survey page. `page_id` is the id of the page: a page that reports twice has
    the same. `trust` is what the link alone proves, as in a `survey.receive.Submission`."""

    link: Link
    trust: Trust
    page_id: str
    language: str
    at: datetime

    @property
    def ticket_id(self) -> str:
        """The ticket whose survey was seen."""
        return self.link.ticket_id

    @property
    def uuid(self) -> str:
        """The uuid: the same for the same page of the same person; nobody can use another's."""
        content = [SURVEY_SHOWN, self.ticket_id, self.link.person, self.page_id]
        return str(uuid5(NAMESPACE_URL, json.dumps(content)))


def build_shown_event(view: PageView, settings: Settings) -> dict[str, Any]:
    """Return the message for PostHog's batch endpoint (docs/rules.md)."""
    properties = survey_properties(
        settings,
        ticket_id=view.ticket_id,
        person=view.link.person,
        team=view.link.team,
        trust=view.trust,
        language=view.language,
        initial_target_area=view.link.initial_target_area,
    )
    return build_message(
        SURVEY_SHOWN,
        uuid=view.uuid,
        distinct_id=view.link.person,
        at=view.at,
        properties=properties,
    )


def receive_page_views(
    database: Database, settings: Settings, views: Sequence[PageView]
) -> list[bool]:
    """Put page views into the outbox and count them, in one transaction; return for each whether
    there was room.

    A page view that is there already is not added again. Those of testers and of void tickets are
    not stored, because their answers do not count either.
    """
    now = max(view.at for view in views)
    tickets = sorted({view.ticket_id for view in views})
    with database.writing() as connection:
        database.lock_tickets(connection, tickets)
        done = known_page_views(connection, [view.uuid for view in views])
        voids = void_among(connection, tickets)
        of_ticket = page_views_by_ticket(connection, tickets, now - TICKET_PERIOD)
        in_all = count_page_views(connection, now - ALL_PERIOD, MOST_IN_ALL)
        new: dict[str, PageView] = {}
        had_room = []
        for view in views:
            counts = (
                view.uuid not in done
                and view.uuid not in new
                and view.ticket_id not in voids
                and view.link.person not in settings.test_distinct_ids
            )
            room = in_all < MOST_IN_ALL and of_ticket[view.ticket_id] < MOST_OF_A_TICKET
            if counts and room:
                new[view.uuid] = view
                in_all += 1
                of_ticket[view.ticket_id] += 1
            had_room.append(room or not counts)
        if new:
            requesters = find_requesters(connection, tickets)
            judged = [
                _judge(view, requesters.get(view.ticket_id), settings) for view in new.values()
            ]
            enqueue(connection, [_outbox_event(view, settings) for view in judged], now)
            add_page_views(
                connection,
                Counter(
                    (view.at.astimezone(settings.timezone).date(), view.link.team)
                    for view in new.values()
                ),
            )
    return had_room


def _judge(view: PageView, requester: str | None, settings: Settings) -> PageView:
    trust = judge_requester(view.link, view.trust, requester, settings.proof_secrets)
    return replace(view, trust=trust)


def _outbox_event(view: PageView, settings: Settings) -> dict[str, str]:
    return {
        "page_view_uuid": view.uuid,
        "ticket_id": view.ticket_id,
        "payload": pack_event(build_shown_event(view, settings)),
    }
