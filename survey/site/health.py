"""Whether the process lives, and whether it can take answers."""

from flask import Blueprint

from survey.site.context import current_site
from survey.store.errors import StoreError
from survey.store.migrate import schema_is_current

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> tuple[str, int, dict[str, str]]:
    """200 as long as the process answers at all."""
    return _plain("ok", 200)


@health.get("/readyz")
def readyz() -> tuple[str, int, dict[str, str]]:
    """200 if an answer could be stored now, else 503."""
    database = current_site().database
    try:
        if not database.is_writable():
            return _plain("the database is read-only", 503)
        if not schema_is_current(database):
            return _plain("the schema is not current: run csat db upgrade", 503)
    except StoreError:
        return _plain("the database cannot be written", 503)
    return _plain("ready", 200)


def _plain(text: str, status: int) -> tuple[str, int, dict[str, str]]:
    return text + "\n", status, {"Content-Type": "text/plain; charset=utf-8"}
