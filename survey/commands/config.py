"""`csat config`: which settings apply, and what they lack."""

import os
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from dotenv import dotenv_values

from survey.addresses import show_address
from survey.languages import LANGUAGES, format_wording
from survey.private_files import is_open_to_others
from survey.settings import (
    PREFIX,
    Settings,
    format_duration,
    is_secret,
    load_settings,
    variable,
)
from survey.teams import Team

# Addresses that can hold the right to use what is there.
_ADDRESSES_WITH_ACCESS = ("database_url", "posthog_host", "posthog_app_host")


@click.group()
def config() -> None:
    """The settings."""


@config.command()
def check() -> None:
    """Show every setting with its value, secrets left out; exit 1 if one is wrong."""
    settings = load_settings()
    names = {variable(field): field for field in Settings.model_fields}
    given = given_variables()
    width = max(map(len, names))
    for name, field in names.items():
        origin = "set" if name in given else "default"
        about = Settings.model_fields[field].description
        click.echo(f"{name:<{width}}  {show(field, getattr(settings, field))}")
        click.echo(click.style(f"{'':<{width}}  ({origin}) {about}", dim=True))
    for remark in remarks(settings, given):
        click.echo(f"! {remark}")


def given_variables() -> frozenset[str]:
    """The names of all variables with our prefix, in the environment and in `.env`."""
    in_file = dotenv_values(".env") if Path(".env").is_file() else {}
    return frozenset(name for name in (*os.environ, *in_file) if name.startswith(PREFIX))


def show(field: str, value: Any) -> str:
    """A setting's value as it would be written; for a secret only whether there is one."""
    if value is None or value in ((), {}, frozenset()):
        return "not set"
    if field in _ADDRESSES_WITH_ACCESS:
        return show_address(value)
    if is_secret(field):
        return "is set, not shown"
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Mapping):
        return format_wording(value)
    if isinstance(value, frozenset):
        return f"{len(value)} of them"  # distinct_ids are personal data
    if isinstance(value, tuple):
        return ", ".join(item.name if isinstance(item, Team) else str(item) for item in value)
    return str(value)


def remarks(settings: Settings, given: frozenset[str]) -> list[str]:
    """What works, but perhaps not as meant."""
    found = []
    if settings.secret_key is None:
        found.append("Without CSAT_SECRET_KEY `csat serve` does not start.")
    if settings.posthog_key is None:
        found.append("Without CSAT_POSTHOG_KEY events wait in the outbox.")
    database = Path(settings.database_url.removeprefix("sqlite:///"))
    found += [
        f"{path} can be read by others on this machine: chmod 600 {path}"
        for path in (Path(".env"), database)
        if is_open_to_others(path)
    ]
    if not settings.survey_id:
        found.append("Without CSAT_SURVEY_ID events carry the project's own survey id.")
    for field in ("rating_question", "comment_question", "thanks_text"):
        wording = getattr(settings, field)
        others = [each.tag for each in LANGUAGES if each.tag not in wording]
        if wording and others:
            rest = "have none" if field == "thanks_text" else "keep our own wording"
            found.append(f"{variable(field)} leaves out {', '.join(others)}: they {rest}.")
    known = {variable(field) for field in Settings.model_fields}
    for name in sorted(given - known):
        close = get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        found.append(f"{name} is not a setting of this release.{hint}")
    return found
