"""`csat config`: show which settings apply and which are missing."""

import contextlib
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from typing import Any

import click

from survey.addresses import show_address
from survey.commands.remarks import find_remarks
from survey.durations import format_duration
from survey.languages import format_wording
from survey.settings import (
    Settings,
    is_secret,
    load_settings,
    variable,
)
from survey.store.erasures import require_erasure_secrets
from survey.store.errors import StoreError
from survey.store.schema import open_store
from survey.teams import Team

# Settings that are written as name=value,name=value.
_BY_NAME = ("zendesk_plans", "invite_sample", "targets")
# The addresses that we connect to. Such an address can hold a password or a token.
_ADDRESSES = ("database_url", "posthog_host", "posthog_app_host")


@click.group()
def config() -> None:
    """The settings."""


@config.command()
def check() -> None:
    """Show every setting with its value, secrets left out.

    Exit 1 if one is wrong, or if CSAT_SECRET_KEY is missing, without which `csat serve` does not
    start, or lacks a secret under which persons were erased.
    """
    settings = load_settings()
    names = {variable(field): field for field in Settings.model_fields}
    width = max(map(len, names))
    for name, field in names.items():
        origin = "set" if field in settings.model_fields_set else "default"
        about = Settings.model_fields[field].description
        click.echo(f"{name:<{width}}  {show(field, getattr(settings, field))}")
        click.echo(click.style(f"{'':<{width}}  ({origin}) {about}", dim=True))
    for remark in find_remarks(settings):
        click.echo(f"! {remark}")
    settings.require_secret_key()
    # A store that cannot be read is nothing about the settings: `csat doctor` looks at it.
    with contextlib.suppress(StoreError), closing(open_store(settings.database_url)) as database:
        require_erasure_secrets(database, settings.secret_keys)


def show(field: str, value: Any) -> str:
    """Return a setting's value as a user would write it. For a secret, return only if it is set."""
    if value is None or value in ((), {}, frozenset()):
        return "not set"
    if field in _ADDRESSES:
        return show_address(value)
    if is_secret(field):
        return "is set, not shown"
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Mapping) and field in _BY_NAME:
        return ",".join(f"{name}={show(field, each)}" for name, each in value.items())
    if isinstance(value, Mapping):
        return format_wording(value)
    if isinstance(value, frozenset):
        return f"{len(value)} of them"  # distinct_ids are personal data
    if isinstance(value, tuple):
        return ", ".join(item.name if isinstance(item, Team) else str(item) for item in value)
    return str(value)
