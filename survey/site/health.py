"""The pages that tell whether the process runs, and whether it can store answers."""

from flask import Blueprint

from survey.site.context import current_site

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> tuple[str, int, dict[str, str]]:
    """Return 200 as long as the process answers at all."""
    return _plain("ok", 200)


@health.get("/readyz")
def readyz() -> tuple[str, int, dict[str, str]]:
    """Return 200 if an answer could be stored now, else 503. Return within two seconds."""
    obstacle = current_site().readiness.find_obstacle()
    return _plain("ready", 200) if obstacle is None else _plain(obstacle, 503)


def _plain(text: str, status: int) -> tuple[str, int, dict[str, str]]:
    return text + "\n", status, {"Content-Type": "text/plain; charset=utf-8"}
