"""The roles of PostgreSQL that docs/operators.md sets up: the site's owns nothing."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, make_url

from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.migrate import upgrade
from survey.store.probe import write_probe
from tests.support.command import ROOT
from tests.support.donations import OCTOBER, Donations
from tests.support.postgresql import PostgresqlServer
from tests.support.settings import make_settings

OWNER, SITE = ROLES = "csat_owner", "csat_site"
DOCUMENT = (ROOT / "docs/operators.md").read_text(encoding="utf-8")


@pytest.fixture
def administrator(postgresql: PostgresqlServer) -> Iterator[Engine]:
    """A superuser's connections to an empty database."""
    url = postgresql.create_database()
    engine = create_engine(make_settings(database_url=url).database_url)
    yield engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.begin() as connection:
        for role in ROLES:
            connection.exec_driver_sql(f"DROP OWNED BY {role} CASCADE")
            connection.exec_driver_sql(f"DROP ROLE {role}")
    engine.dispose()
    postgresql.drop_database(url)


@pytest.fixture
def address_of(administrator: Engine) -> dict[str, str]:
    """The address of the database for each of the documented roles, made as documented."""
    block = re.search(r"```sql\n(CREATE ROLE.*?)```", DOCUMENT, re.DOTALL)
    assert block is not None
    with administrator.connect() as connection:
        for statement in filter(None, map(str.strip, block[1].split(";"))):
            connection.exec_driver_sql(statement)
    url = make_url(administrator.url)
    return {role: url.set(username=role).render_as_string(hide_password=False) for role in ROLES}


def test_the_role_of_the_site_does_everything_but_change_the_ledger(
    address_of: dict[str, str],
) -> None:
    owners, sites = (Database(address_of[role]) for role in ROLES)
    with pytest.raises(StoreError, match="permission denied for schema public"):
        upgrade(sites)
    upgrade(owners)

    donations = Donations(sites, make_settings(database_url=address_of[SITE]))
    write_probe(sites)
    voided = donations.respond(OCTOBER, 3)[0]
    donations.void(voided)
    donations.unvoid(voided)
    donations.set_rate(OCTOBER)
    assert donations.close(OCTOBER).line.hedgehogs == 3
    donations.pay(OCTOBER)
    donations.correct(OCTOBER)

    for attempt, refusal in {
        "UPDATE ledger_entries SET amount = '9'": "it is only added to",
        "DELETE FROM ledger_tickets": "it is only added to",
        "TRUNCATE ledger_entries CASCADE": "permission denied",
        "ALTER TABLE ledger_entries DISABLE TRIGGER ALL": "must be owner",
        "DROP TRIGGER ledger_entries_refuse_change ON ledger_entries": "must be owner",
        "CREATE OR REPLACE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN NEW; END $$": "permission denied",
    }.items():
        with pytest.raises(StoreError, match=refusal), sites.writing() as connection:
            connection.exec_driver_sql(attempt)
    owners.close()
    sites.close()
