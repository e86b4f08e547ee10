"""Remarks about settings that work, but perhaps not as the operator wants."""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from survey.languages import LANGUAGES
from survey.private_files import is_open_to_others
from survey.setting_values import MAKE_SECRET, SHORTEST_SECRET
from survey.settings import PREFIX, Settings, variable

# Names that no site can have (RFC 2606).
_EXAMPLE_HOSTS = (".example.com", ".example.net", ".example.org", ".example", ".invalid", ".test")


def find_risks(settings: Settings) -> Iterator[str]:
    """Yield problems to solve before customers use the site. `csat serve` shows them, too."""
    if any(len(secret) < SHORTEST_SECRET for secret in settings.link_secrets):
        yield (
            f"CSAT_LINK_SECRET holds a secret of under {SHORTEST_SECRET} characters: who guesses "
            f"it can sign links. Make a long one with {MAKE_SECRET}, put it in front of the old "
            "one (new,old), and take the old one out when its links are no longer answered."
        )
    yield from _find_risks_of_address(settings)
    # For a database server, this path names no existing file.
    database = Path(settings.database_url.removeprefix("sqlite:///"))
    for path in (Path(".env"), database):
        if is_open_to_others(path):
            yield f"{path} can be read by others on this machine: chmod 600 {path}"


def _find_risks_of_address(settings: Settings) -> Iterator[str]:
    if "base_url" not in settings.model_fields_set:
        yield (
            f"CSAT_BASE_URL is not set: links lead to {settings.base_url}, which only this machine "
            "reaches. Set it to the address under which customers reach the site."
        )
        return
    parts = urlsplit(settings.base_url)
    if parts.scheme == "https" and not settings.trusted_proxies:
        yield (
            "CSAT_BASE_URL is https, so a proxy stands before the site, but CSAT_TRUSTED_PROXIES "
            "is 0: the limits take all customers for one client. Set it to the number of proxies."
        )
    if f".{parts.hostname}".endswith(_EXAMPLE_HOSTS):
        yield (
            f"CSAT_BASE_URL is an example ({settings.base_url}): no customer reaches links that "
            "lead there. Set it to the address under which customers reach the site."
        )
    if parts.path:
        yield (
            f"CSAT_BASE_URL has the path {parts.path}: the site's pages stand at / and lead there. "
            "Give the site a host name of its own, and leave the path out."
        )


def find_remarks(settings: Settings) -> Iterator[str]:
    """Yield all remarks that `csat config check` shows."""
    if settings.posthog_key is None:
        yield "Without CSAT_POSTHOG_KEY events wait in the outbox."
    if not settings.survey_id:
        yield "Without CSAT_SURVEY_ID events carry the project's own survey id."
    yield from find_risks(settings)
    for field in ("rating_question", "comment_question", "thanks_text"):
        wording = getattr(settings, field)
        others = [each.tag for each in LANGUAGES if each.tag not in wording]
        if wording and others:
            rest = "have none" if field == "thanks_text" else "keep our own wording"
            yield f"{variable(field)} leaves out {', '.join(others)}: they {rest}."
    known = {variable(field) for field in Settings.model_fields}
    for name in sorted(_given_variables() - known):
        close = get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        yield f"{name} is not a setting of this release.{hint}"


def _given_variables() -> frozenset[str]:
    """Return the names of all variables with our prefix, in the environment and in `.env`."""
    in_file = dotenv_values(".env") if Path(".env").is_file() else {}
    return frozenset(name for name in (*os.environ, *in_file) if name.startswith(PREFIX))
