"""What the site's views share: its settings, its database and its clock."""

from collections.abc import Callable
from datetime import datetime
from typing import cast

from flask import Flask, current_app

from survey.settings import Settings
from survey.store.database import Database


class SurveySite(Flask):
    """A Flask application that knows its settings, its database and its clock."""

    settings: Settings
    database: Database
    clock: Callable[[], datetime]
    receipt_key: str
    blank_pages: dict[int | None, str]


def current_site() -> SurveySite:
    """The site that handles the current request."""
    return cast(SurveySite, current_app._get_current_object())  # type: ignore[attr-defined]
