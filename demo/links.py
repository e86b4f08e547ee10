"""The survey links that the demo offers: three tickets, each with another kind of link. Pure."""

from datetime import datetime
from urllib.parse import urlencode

from demo.overview import CUSTOMER, Entry
from survey.links import Link, build_url
from survey.settings import Settings


def survey_links(base_url: str, settings: Settings, today: datetime) -> list[Entry]:
    """Return links to the survey. Their tickets are new every day, because last week's answers
    could not be changed any more."""
    ticket = f"{today.astimezone(settings.timezone):%y%m%d}"
    teams = [settings.teams[index % len(settings.teams)].slug for index in range(3)]
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
