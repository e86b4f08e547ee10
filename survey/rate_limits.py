"""The rate limits: how many submits of a client, by a link and in all are taken in ten minutes."""

from datetime import datetime
from enum import StrEnum

from survey.rate_counts import RateCounts, end_of, period_of
from survey.refusals import Refused
from survey.settings import Settings
from survey.vocabulary import DailyFigure

# These stand in the keys that are counted.
_LINK, _CLIENT, _ALL = " link ", " client ", " all "
_FIGURES = {
    _LINK: DailyFigure.REFUSED_LINK,
    _CLIENT: DailyFigure.REFUSED_CLIENT,
    _ALL: DailyFigure.REFUSED_ALL,
}


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
        limits = [
            (scope + kind + name, most)
            for kind, name, most in (
                (_LINK, link, self._link),
                (_CLIENT, client, self._client),
                (_ALL, "", self._all),
            )
            if name is not None and most
        ]
        period = period_of(now)
        over = self._counts.take(period, limits)
        if over is None:
            return None
        kind = next(kind for kind in _FIGURES if over.startswith(scope + kind))
        return Refused(_FIGURES[kind], end_of(period) - now)
