"""The demo's accounts for /reports/: one of each role, all with one password that is no secret."""

from datetime import datetime

from reports.passwords import hash_password
from survey.store.database import Database
from survey.store.users import add_user, find_user
from survey.vocabulary import Role

# Each account is called as its role.
PASSWORD = "hedgehogs-in-autumn"  # nosec B105 # the demo shows it


def add_accounts(database: Database, now: datetime) -> None:
    """Add the accounts that are missing."""
    with database.writing() as connection:
        for role in Role:
            if find_user(connection, role.value) is None:
                add_user(connection, role.value, role, hash_password(PASSWORD), now)
