"""One month of the sample: which tickets are answered, when, by whom, and with which rating. Pure.

A month is always made as a whole and from its own seed, so its events never depend on today.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from survey.months import Month
from survey.teams import Team, slugify_team

Event = dict[str, Any]

SEED = "hedgehogs 1"
# Each month has its own ticket numbers, more than it needs. The numbers from PREDECESSOR_PLACE on
# are for links that led to the predecessor's page.
_NUMBERS_PER_MONTH = 10_000
PREDECESSOR_PLACE = 9_900
CUSTOMERS = 2500


@dataclass(frozen=True)
class Profile:
    """A team's usual month: the number of answered tickets, and the share of satisfied ones."""

    tickets: int
    csat: float


# The busiest team is last, and a tiny team is just above: real teams differ as much in size.
_PROFILES = (
    Profile(98, 0.91),
    Profile(38, 0.86),
    Profile(46, 0.89),
    Profile(44, 0.94),
    Profile(19, 0.83),
    Profile(24, 0.88),
    Profile(37, 0.76),
    Profile(8, 0.80),
    Profile(105, 0.93),
)

# The only real drop: the CSAT of the first team, in the last complete month and the current one.
DROPPED_CSAT = 0.69

# Customers answer mostly in working hours. Some answer at night, because they live everywhere.
_HOUR_WEIGHTS = (2, 1, 1, 1, 1, 2, 4, 8, 16, 24, 26, 24, 18, 20, 24, 24, 20, 15, 10, 8, 6, 5, 4, 3)
_WEEKDAY_WEIGHTS = (22, 24, 22, 20, 17, 4, 3)


@dataclass(frozen=True)
class Ticket:
    """An answered ticket of the sample."""

    number: str
    team: Team
    customer: str
    rating: int
    answered_at: datetime

    @property
    def written_team(self) -> str:
        """The team as a link writes it: the name, or the slug if the name gives another slug."""
        name = self.team.name
        return name if slugify_team(name) == self.team.slug else self.team.slug


def month_random(month: Month, purpose: str) -> random.Random:
    """Return random numbers for one purpose in one month, the same in every run."""
    return random.Random(f"{SEED} {month} {purpose}")  # nosec B311 # sample data


def first_number_of(month: Month) -> int:
    """Return the number of the month's first ticket."""
    return ((month.year - 2020) * 12 + month.number) * _NUMBERS_PER_MONTH


def month_tickets(
    month: Month, teams: Sequence[Team], timezone: ZoneInfo, *, dropped: bool
) -> list[Ticket]:
    """Return the month's answered tickets in the order of their first answers."""
    drafts: list[tuple[datetime, Team, int]] = []
    for index, team in enumerate(teams):
        rng = month_random(month, team.slug)
        profile = _PROFILES[index % len(_PROFILES)]
        count = max(1, round(profile.tickets * rng.uniform(0.9, 1.1) + rng.uniform(-2, 2)))
        csat = min(0.97, profile.csat + rng.uniform(-0.02, 0.02))
        if dropped and index == 0:
            csat = DROPPED_CSAT
        moments = [random_moment(rng, month, timezone) for _ in range(count)]
        drafts += zip(moments, [team] * count, draw_ratings(rng, count, csat), strict=True)
    drafts.sort(key=lambda draft: (draft[0], draft[1].slug))
    rng = month_random(month, "customers")
    return [
        Ticket(str(first_number_of(month) + index), team, random_customer(rng), rating, moment)
        for index, (moment, team, rating) in enumerate(drafts)
    ]


def draw_ratings(rng: random.Random, count: int, csat: float) -> list[int]:
    """Return ratings in random order. The share of 4 and 5 is as near to `csat` as possible.

    Draw them by quota: with chance alone, small teams would have drops without meaning.
    """
    satisfied = int(count * csat + rng.random())
    ratings = rng.choices((5, 4), (0.68, 0.32), k=satisfied)
    ratings += rng.choices((3, 2, 1), (0.5, 0.25, 0.25), k=count - satisfied)
    rng.shuffle(ratings)
    return ratings


def random_moment(rng: random.Random, month: Month, timezone: ZoneInfo) -> datetime:
    """Return a moment of the month in UTC, more likely on a weekday and in working hours."""
    first = date(month.year, month.number, 1)
    days = [first + timedelta(days=n) for n in range(31)]
    days = [day for day in days if day.month == month.number]
    day = rng.choices(days, [_WEEKDAY_WEIGHTS[day.weekday()] for day in days])[0]
    hour = rng.choices(range(24), _HOUR_WEIGHTS)[0]
    clock = time(hour, rng.randrange(60), rng.randrange(60), rng.randrange(1_000_000), timezone)
    return datetime.combine(day, clock).astimezone(UTC)


def random_uuid(rng: random.Random) -> str:
    """Return a uuid that is the same in every run."""
    return str(UUID(int=rng.getrandbits(128), version=4))


def random_customer(rng: random.Random) -> str:
    """Return the distinct_id of a random customer. Some customers are drawn more than once."""
    number = rng.randrange(CUSTOMERS)
    return random_uuid(random.Random(f"{SEED} customer {number}"))  # nosec B311 # sample data
