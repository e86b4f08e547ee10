"""`csat users`: who may sign in to the reports."""

import json
import sys
from collections.abc import Callable

import click

from reports.passwords import LONGEST_PASSWORD, BadPassword, check_password, hash_password
from reports.user_names import parse_name
from survey.clock import now
from survey.settings import load_settings
from survey.store.schema import open_store
from survey.store.users import User, add_user, list_users, set_enabled, set_password
from survey.vocabulary import Role

# In UTF-8 a character has at most four bytes; a line break follows.
_MOST_BYTES = 4 * LONGEST_PASSWORD + 2


def _name(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        return parse_name(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


name_argument = click.argument("name", metavar="NAME", callback=_name)


def _from_standard_input(_context: click.Context, _parameter: click.Parameter, value: bool) -> str:
    if not value:
        raise click.UsageError(
            "say --password-stdin and give the password on standard input, so that neither the "
            "list of processes nor the shell's history shows it"
        )
    return _read_password()


def password_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add the option that reads the password from standard input."""
    return click.option(
        "--password-stdin",
        "password",
        is_flag=True,
        callback=_from_standard_input,
        help="Read the password from standard input: one line of 12 to 1,000 characters.",
    )(command)


@click.group()
def users() -> None:
    """Who may sign in to the reports at /reports/, and as what.

    A lead reads reports and comments; finance has the donations; an admin may do everything and
    sees who did what. Users of an OpenID provider (CSAT_OIDC_ISSUER) need not be added: they
    appear here when they first sign in, with the role that the provider says.
    """


@users.command()
@name_argument
@click.option(
    "--role",
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="What they may do.",
)
@password_option
def add(name: str, role: str, password: str) -> None:
    """Let somebody sign in with a password.

    For example: csat users add ada --role lead --password-stdin < password.txt
    """
    settings = load_settings()
    database = open_store(settings.database_url)
    password_hash = hash_password(password)
    with database.writing() as connection:
        add_user(connection, name, Role(role), password_hash, now())
    click.echo(f"{name} can sign in at {settings.base_url}/reports/ as {role}")


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, for programs.")
def list_command(as_json: bool) -> None:
    """All users: name, role, how they sign in, since when, and whether they may."""
    database = open_store(load_settings().database_url)
    with database.reading() as connection:
        found = list_users(connection)
    click.echo(as_json_text(found) if as_json else as_text(found))


@users.command()
@name_argument
def disable(name: str) -> None:
    """Let somebody sign in no more; their running sessions end at their next click."""
    has_changed = _enable(name, is_enabled=False)
    click.echo(f"{name} {'can no longer sign in' if has_changed else 'was disabled before'}")


@users.command()
@name_argument
def enable(name: str) -> None:
    """Let somebody sign in again who was disabled."""
    has_changed = _enable(name, is_enabled=True)
    click.echo(f"{name} {'can sign in again' if has_changed else 'was not disabled'}")


@users.command("password")
@name_argument
@password_option
def password_command(name: str, password: str) -> None:
    """Give somebody a new password; their running sessions end at their next click."""
    database = open_store(load_settings().database_url)
    password_hash = hash_password(password)
    with database.writing() as connection:
        set_password(connection, name, password_hash)
    click.echo(f"{name} has a new password, and has to sign in with it")


def as_text(found: list[User]) -> str:
    """Return users as a table of text."""
    if not found:
        return "nobody may sign in yet; `csat users add` lets somebody"
    width = max(len(user.name) for user in found)
    return "\n".join(
        f"{user.name:<{width}}  {user.role:<7}  {_way(user):<8}  since {user.created_at:%Y-%m-%d}"
        f"{'' if user.is_enabled else '  disabled'}"
        for user in found
    )


def as_json_text(found: list[User]) -> str:
    """Return users for programs, without what their passwords are verified by."""
    shown = [
        {
            "name": user.name,
            "role": user.role,
            "signs_in_by": _way(user),
            "enabled": user.is_enabled,
            "created_at": user.created_at.isoformat(),
        }
        for user in found
    ]
    return json.dumps(shown, indent=2)


def _way(user: User) -> str:
    return "openid" if user.password_hash is None else "password"


def _enable(name: str, *, is_enabled: bool) -> bool:
    database = open_store(load_settings().database_url)
    with database.writing() as connection:
        return set_enabled(connection, name, is_enabled)


def _read_password() -> str:
    """Return the one line of standard input; raise BadPassword if it is no password."""
    # A program can be started without standard input.
    given = sys.stdin.buffer.read(_MOST_BYTES + 1) if sys.stdin else b""
    try:
        text = given.decode()
    except UnicodeDecodeError:
        raise BadPassword("the password on standard input is not text in UTF-8") from None
    return check_password(text.removesuffix("\n").removesuffix("\r"))
