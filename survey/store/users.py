"""Functions that read and write the users who may sign in to the reports."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select, update

from survey.errors import CsatError
from survey.store.models import UserRow
from survey.vocabulary import Role


class UnknownUser(CsatError):
    """There is no user with this name."""


class NameTaken(CsatError):
    """There is a user with this name already."""


class WithoutPassword(CsatError):
    """The user signs in at an OpenID provider, and so has no password here."""


@dataclass(frozen=True)
class User:
    """Somebody who may sign in to the reports: with a password, or at an OpenID provider, where
    `subject` identifies them."""

    id: int
    name: str
    role: Role
    password_hash: str | None = field(repr=False)
    subject: str | None
    is_enabled: bool
    session_version: int
    created_at: datetime


def add_user(
    connection: Connection, name: str, role: Role, password_hash: str, now: datetime
) -> None:
    """Add a user who signs in with a password. Raise NameTaken if there is one of this name."""
    if find_user(connection, name) is not None:
        raise NameTaken(
            f"there is a user {name!r} already; `csat users password` gives a new password, and "
            "`csat users enable` lets a disabled user sign in again"
        )
    _insert(connection, name=name, role=role, password_hash=password_hash, created_at=now)


def find_user(connection: Connection, name: str) -> User | None:
    """Return the user with a name, or None."""
    return _find(connection, UserRow.name == name)


def find_user_by_id(connection: Connection, user_id: int) -> User | None:
    """Return the user with an id, or None."""
    return _find(connection, UserRow.id == user_id)


def find_user_by_subject(connection: Connection, subject: str) -> User | None:
    """Return the user whom an OpenID provider calls by this subject, or None."""
    return _find(connection, UserRow.subject == subject)


def list_users(connection: Connection) -> list[User]:
    """Return all users, by name."""
    rows = connection.execute(select(UserRow.__table__)).mappings()
    # Databases do not agree on which letters come first.
    return sorted(map(_user, rows), key=lambda user: user.name)


def set_enabled(connection: Connection, name: str, is_enabled: bool) -> bool:
    """Let a user sign in, or no longer; return False if that was so before.

    All running sessions of the user end. Raise UnknownUser if there is none of this name.
    """
    user = _require(connection, name)
    if user.is_enabled == is_enabled:
        return False
    _change(connection, user.id, is_enabled=is_enabled)
    end_sessions(connection, user.id)
    return True


def set_password(connection: Connection, name: str, password_hash: str) -> None:
    """Give a user another password; all running sessions of the user end.

    Raise UnknownUser if there is none of this name, and WithoutPassword for a user of an OpenID
    provider.
    """
    user = _require(connection, name)
    if user.password_hash is None:
        raise WithoutPassword(f"{name!r} signs in by OpenID, and needs no password here")
    _change(connection, user.id, password_hash=password_hash)
    end_sessions(connection, user.id)


def replace_hash(connection: Connection, user: User, password_hash: str) -> None:
    """Store another hash of the same password, unless the password was changed meanwhile. Running
    sessions go on."""
    connection.execute(
        update(UserRow)
        .where(UserRow.id == user.id, UserRow.password_hash == user.password_hash)
        .values(password_hash=password_hash)
    )


def end_sessions(connection: Connection, user_id: int) -> None:
    """End all running sessions of a user."""
    _change(connection, user_id, session_version=UserRow.session_version + 1)


def save_openid_user(
    connection: Connection, subject: str, names: Sequence[str], role: Role, now: datetime
) -> User:
    """Return the user of an OpenID provider, with the role that the provider says now.

    A new one gets the first of the names that nobody else has. The name of a known one stays, so
    that what is on record names one person throughout.
    """
    known = find_user_by_subject(connection, subject)
    if known is None:
        name = next(name for name in _possible_names(names) if find_user(connection, name) is None)
        _insert(connection, name=name, role=role, subject=subject, created_at=now)
    elif known.role != role:
        _change(connection, known.id, role=role)
    saved = find_user_by_subject(connection, subject)
    assert saved is not None  # this transaction has just written the row
    return saved


def _possible_names(names: Sequence[str]) -> Iterator[str]:
    yield from names
    for number in count(2):
        yield f"{names[0]} ({number})"


def _find(connection: Connection, condition: ColumnElement[bool]) -> User | None:
    row = connection.execute(select(UserRow.__table__).where(condition)).mappings().first()
    return None if row is None else _user(row)


def _user(row: Any) -> User:
    return User(**{**row, "role": Role(row["role"])})


def _require(connection: Connection, name: str) -> User:
    user = find_user(connection, name)
    if user is None:
        raise UnknownUser(f"there is no user {name!r}; `csat users list` shows all")
    return user


def _insert(connection: Connection, **values: Any) -> None:
    beginning = dict.fromkeys(("password_hash", "subject"))
    row = {**beginning, "is_enabled": True, "session_version": 1, **values}
    connection.execute(insert(UserRow), row)


def _change(connection: Connection, user_id: int, **values: Any) -> None:
    connection.execute(update(UserRow).where(UserRow.id == user_id).values(**values))
