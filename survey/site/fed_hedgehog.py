"""What the thank-you page says about hedgehogs."""

from dataclasses import dataclass

import structlog

from survey.months import Month
from survey.site.charity import Charity, find_charity
from survey.site.context import current_site
from survey.site.language import current_language
from survey.site.month_names import month_name
from survey.store.errors import StoreError
from survey.store.ledger import find_charity_name
from survey.store.models import ResponseRow
from survey.store.responses import count_responses_until

log = structlog.get_logger()


@dataclass(frozen=True)
class FedHedgehog:
    """The number of the hedgehog that a response feeds, or else how many were fed this month.

    `month` names the response's month if that is not the current one. A value that the store
    cannot give now is None.
    """

    charity: Charity
    number: int | None = None
    month: str | None = None
    this_month: int | None = None


def find_fed_hedgehog(response: ResponseRow | None) -> FedHedgehog:
    """Return the hedgehog of the visitor's own response, or this month's count if there is none.
    An edit feeds no second hedgehog: the number stays, in the month where the response began."""
    site = current_site()
    settings = site.settings
    charity = find_charity(settings, None)
    this_month = Month.of(site.clock(), settings.timezone)
    try:
        if response is None:
            # Anybody can open this page, so use the counts that are kept in memory.
            counted = site.hedgehogs.look_up(site.clock())
            charity = find_charity(settings, counted.charity_name)
            return FedHedgehog(charity, this_month=counted.months[-1].hedgehogs)
        month = Month.of(response.answered_at, settings.timezone)
        opens_at, _ = month.bounds(settings.timezone)
        with site.database.reading() as connection:
            number = count_responses_until(connection, opens_at, response)
            charity = find_charity(settings, find_charity_name(connection, this_month))
        elsewhere = month_name(month, current_language().locale) if month != this_month else None
        return FedHedgehog(charity, number=number, month=elsewhere)
    except StoreError as error:
        log.error("hedgehogs not counted", reason=str(error))
        return FedHedgehog(charity)
