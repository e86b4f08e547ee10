"""The survey links that the demo offers: three tickets, each with another kind of link. Pure."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from demo.overview import CUSTOMER, Entry
from survey.links import Link, build_url
from survey.settings import Settings
from survey.vocabulary import TicketStatus
from survey.zendesk.tickets import SURVEYED_TAG, TicketUpdate


def survey_links(base_url: str, settings: Settings, today: datetime) -> list[Entry]:
    """Return links to the survey. Their tickets are new every day, because last week's answers
    could not be changed any more."""
    ticket, teams = _ticket(settings, today), _teams(settings)
    plain = Link("customer-1", f"{ticket}1", teams[0], f"{ticket}1")
    chosen = Link("customer-2", f"{ticket}2", teams[1], f"{ticket}2", rating=5)
    old = {
        "userId": "customer-3",
        "ticketId": f"{ticket}3",
        "ticketTeam": teams[2],
        "satisfaction": "3",
    }
    return [
        Entry(CUSTOMER, f"Survey for ticket {ticket}1", build_url(base_url, plain)),
        Entry(
            CUSTOMER,
            f"Survey for ticket {ticket}2, face chosen in the mail",
            build_url(base_url, chosen),
        ),
        Entry(
            CUSTOMER,
            f"Survey for ticket {ticket}3, link of the predecessor",
            f"{base_url}/?{urlencode(old)}",
        ),
    ]


def link_tickets(settings: Settings, today: datetime) -> list[TicketUpdate]:
    """Return what the help desk says of the tickets of these links: an automation has asked their
    customers."""
    solved_at = today - timedelta(hours=73)
    return [
        TicketUpdate(
            ticket_id=f"{_ticket(settings, today)}{index}",
            status=TicketStatus.SOLVED,
            updated_at=today,
            requester_external_id=f"customer-{index}",
            requester_email=f"customer-{index}@example.com",
            team=team,
            priority="high",
            language="en",
            tags=frozenset({SURVEYED_TAG}),
            created_at=solved_at - timedelta(hours=5),
            solved_at=solved_at,
        )
        for index, team in enumerate(_teams(settings), start=1)
    ]


def _ticket(settings: Settings, today: datetime) -> str:
    return f"{today.astimezone(settings.timezone):%y%m%d}"


def _teams(settings: Settings) -> list[str]:
    return [settings.teams[index % len(settings.teams)].slug for index in range(3)]
