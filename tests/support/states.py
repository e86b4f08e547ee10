"""Every page that a customer can come to see, and the way there."""

from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from itertools import count
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

from survey.invitations.tokens import issue_token
from survey.refusals import Refused
from survey.settings import Settings
from survey.site.context import SurveySite
from survey.store.errors import StoreError
from survey.vocabulary import DailyFigure
from tests.support.clock import Clock

LINK_SECRET = "for signed links"

_tickets = count(1000)


class Survey:
    """A site that a browser can open, and what its customers do there."""

    def __init__(self, url: str, app: SurveySite, clock: Clock) -> None:
        self.url = url
        self.app = app
        self.clock = clock

    @property
    def settings(self) -> Settings:
        return self.app.settings

    def link(self, **parameters: str) -> str:
        """A link to a ticket that has no answer yet."""
        given = {"distinct_id": "jane", "ticketId": str(next(_tickets)), "team": "surveys"}
        return f"{self.url}/?{urlencode({**given, **parameters})}"

    def open(self, page: Page, **parameters: str) -> str:
        """Open a new link; its address."""
        link = self.link(**parameters)
        page.goto(link)
        return link

    def answer(self, page: Page, link: str, rating: int = 5, comment: str = "") -> None:
        """Answer through a link, until the thanks are there."""
        page.goto(link)
        page.locator(f'[name="rating"][value="{rating}"]').check()
        page.locator("textarea").fill(comment)
        page.locator(".send").click()
        page.wait_for_url("**/thanks?**")


def question(survey: Survey, page: Page, lang: str) -> None:
    survey.open(page, lang=lang)


def preselected(survey: Survey, page: Page, lang: str) -> None:
    survey.open(page, lang=lang, rating="4")


def no_rating(survey: Survey, page: Page, lang: str) -> None:
    survey.open(page, lang=lang)
    page.locator("textarea").fill("kept")
    page.locator(".send").click()
    page.locator("#rating-problem").wait_for()


def too_long(survey: Survey, page: Page, lang: str) -> None:
    survey.open(page, lang=lang, rating="1")
    page.locator("textarea").fill("word " * 1001)
    page.locator(".send").click()
    page.locator("#comment-problem").wait_for()


def not_saved(survey: Survey, page: Page, lang: str) -> None:
    def fail(_arrival: object) -> "Future[None]":
        stored: Future[None] = Future()
        stored.set_exception(StoreError("the disk is full, for a test"))
        return stored

    survey.open(page, lang=lang, rating="2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(survey.app.intake, "submit", fail)
        page.locator(".send").click()
        page.locator("[role=alert]").wait_for()


def too_many(survey: Survey, page: Page, lang: str) -> None:
    _refuse(survey, page, lang, Refused(DailyFigure.REFUSED_CLIENT, timedelta(minutes=7)))


def too_many_strangers(survey: Survey, page: Page, lang: str) -> None:
    _refuse(survey, page, lang, Refused(DailyFigure.REFUSED_STRANGER, None))


def _refuse(survey: Survey, page: Page, lang: str, refused: Refused) -> None:
    survey.open(page, lang=lang, rating="2")
    page.locator("textarea").fill("Everything that I wrote.")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(survey.app.rate_limits, "take", lambda *_: refused)
        page.locator(".send").click()
        page.locator("[role=alert]").wait_for()


def thanks(survey: Survey, page: Page, lang: str) -> None:
    survey.answer(page, survey.link(lang=lang), comment="quick")


def thanks_unhappy(survey: Survey, page: Page, lang: str) -> None:
    survey.answer(page, survey.link(lang=lang), rating=1, comment="Nobody answered.")


def thanks_unfolded(survey: Survey, page: Page, lang: str) -> None:
    thanks(survey, page, lang)
    page.locator("summary").click()


def changed(survey: Survey, page: Page, lang: str) -> None:
    link = survey.link(lang=lang)
    survey.answer(page, link, 5)
    survey.answer(page, link, 2)


def answered(survey: Survey, page: Page, lang: str) -> None:
    link = survey.link(lang=lang)
    survey.answer(page, link, 5)
    page.goto(link)


def thanks_late(survey: Survey, page: Page, lang: str) -> None:
    link = survey.link(lang=lang)
    survey.answer(page, link, 5)
    page.goto(link)
    survey.clock.advance(days=8)
    page.locator('[name="rating"][value="1"]').check()
    page.locator(".send").click()
    page.wait_for_url("**/thanks?**")


def too_late(survey: Survey, page: Page, lang: str) -> None:
    link = survey.link(lang=lang)
    survey.answer(page, link, 5)
    survey.clock.advance(days=8)
    page.goto(link)


def thanks_without_receipt(survey: Survey, page: Page, lang: str) -> None:
    page.goto(survey.link(lang=lang).replace("/?", "/thanks?"))


def damaged_link(survey: Survey, page: Page, lang: str) -> None:
    survey.open(page, lang=lang, ticketId="4\x012")


def no_ticket(survey: Survey, page: Page, lang: str) -> None:
    page.goto(f"{survey.url}/?lang={lang}")


def wrong_signature(survey: Survey, page: Page, lang: str) -> None:
    survey.open(page, lang=lang, sig="0" * 64)


def not_found(survey: Survey, page: Page, lang: str) -> None:
    page.goto(f"{survey.url}/nothing?lang={lang}")


def too_much(survey: Survey, page: Page, lang: str) -> None:
    survey.open(page, lang=lang, rating="3")
    page.locator("textarea").fill("x" * 270_000)
    page.locator(".send").click()
    page.wait_for_function("!document.querySelector('textarea')")


def hedgehogs(survey: Survey, page: Page, lang: str) -> None:
    page.goto(f"{survey.url}/hedgehogs?lang={lang}")


def unsubscribe(survey: Survey, page: Page, lang: str) -> None:
    token = issue_token(f"customer-{next(_tickets)}", survey.settings.require_secret_key())
    page.goto(f"{survey.url}/unsubscribe?token={token}&lang={lang}")


def unsubscribed(survey: Survey, page: Page, lang: str) -> None:
    unsubscribe(survey, page, lang)
    page.locator(".send").click()
    page.locator("[role=status]").wait_for()


State = Callable[[Survey, Page, str], None]

STATES: tuple[State, ...] = (
    question,
    preselected,
    no_rating,
    too_long,
    not_saved,
    too_many,
    too_many_strangers,
    thanks,
    thanks_unfolded,
    thanks_unhappy,
    changed,
    answered,
    thanks_late,
    too_late,
    thanks_without_receipt,
    damaged_link,
    no_ticket,
    wrong_signature,
    not_found,
    too_much,
    hedgehogs,
    unsubscribe,
    unsubscribed,
)
