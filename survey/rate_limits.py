"""The rate limits: how many submits of a client, by a link and in all are taken in ten minutes."""

from datetime import datetime
from enum import StrEnum

from survey.rate_counts import RateCounts, end_of, period_of
from survey.refusals import Refused
from survey.settings import Settings
from survey.vocabulary import DailyFigure


class Scope(StrEnum):
    """What is counted together: each has the same limits, and counts for itself."""

    ANSWER = "answer"
    PAGE_VIEW = "page_view"
    # Deliveries of the help desk's webhook whose signature is wrong.
    BAD_WEBHOOK = "bad_webhook"


class RateLimits:
    """The limits of the settings; 0 is none. Clients and links are given as keyed hashes; None
    stands for a client or a link that nobody knows."""

    def __init__(self, settings: Settings, counts: RateCounts) -> None:
        self._client = settings.rate_limit_client
        self._link = settings.rate_limit_link
        self._all = settings.rate_limit_all
        self._counts = counts

    def take(
        self, scope: Scope, client: str | None, link: str | None, now: datetime
    ) -> Refused | None:
        """Count a submit. Return the refusal if there were too many; that one is not counted."""
        # The narrowest limit is named first: it says best who sends so many.
        kinds = (
            (DailyFigure.REFUSED_LINK, link, self._link),
            (DailyFigure.REFUSED_CLIENT, client, self._client),
            (DailyFigure.REFUSED_ALL, "", self._all),
        )
        limited = [
            (figure, f"{scope.value} {figure.value} {name}", most)
            for figure, name, most in kinds
            if name is not None and most
        ]
        period = period_of(now)
        over = self._counts.take(period, [(key, most) for _, key, most in limited])
        return None if over is None else Refused(limited[over][0], end_of(period) - now)
