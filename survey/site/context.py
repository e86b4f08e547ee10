"""What the site's views share: its settings, its database and its clock."""

from collections.abc import Callable
from datetime import datetime
from typing import cast

from flask import Flask, current_app
from itsdangerous import TimestampSigner

from survey.hedgehogs import HedgehogCounts
from survey.page_views import PageView
from survey.receive import Arrival
from survey.rules import Answer
from survey.settings import Settings
from survey.site.compression import PageWithGap
from survey.store.database import Database
from survey.store.group_commit import GroupCommit


class SurveySite(Flask):
    """A Flask application that knows its settings, its database and its clock."""

    settings: Settings
    database: Database
    clock: Callable[[], datetime]
    # Takes what was submitted; answers once it is stored.
    intake: GroupCommit[Arrival, Answer]
    # Takes page views; answers whether there was room for one.
    page_view_intake: GroupCommit[PageView, bool]
    hedgehogs: HedgehogCounts
    receipt_signer: TimestampSigner
    # Rendered once for each language and preselected face.
    blank_pages: dict[tuple[str, int | None], tuple[PageWithGap, str]]


def current_site() -> SurveySite:
    """The site that handles the current request."""
    return cast(SurveySite, current_app._get_current_object())  # type: ignore[attr-defined]
