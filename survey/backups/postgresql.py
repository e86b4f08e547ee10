"""What a PostgreSQL database is backed up and restored by: its own programs."""

import shlex

from sqlalchemy import URL, make_url


def explain_dump(address: str) -> str:
    """Return how to back up a database of PostgreSQL, without its password."""
    return (
        "the database is PostgreSQL's, which backs it up itself (docs/operators.md):\n"
        f"  pg_dump --format=custom --file=csat.dump {_name(address)}"
    )


def explain_restore(address: str) -> str:
    """Return how to restore a database of PostgreSQL, without its password."""
    url = make_url(address)
    new = f"{url.database}_restored"
    return (
        "the database is PostgreSQL's, which restores it itself (docs/operators.md):\n"
        f"  createdb --maintenance-db={_name(address)} {shlex.quote(new)}\n"
        "  pg_restore --exit-on-error --single-transaction --no-owner "
        f"--dbname={_name(url.set(database=new))} csat.dump\n"
        "Then name the new database in CSAT_DATABASE_URL, and run\n"
        f"  csat db upgrade && csat restore --erasures-from {_name(address)}"
    )


def _name(address: str | URL) -> str:
    """Return an address for PostgreSQL's programs, which ask for the password or find it in
    ~/.pgpass."""
    url = make_url(address)
    shown = URL.create(
        "postgresql",
        username=url.username,
        host=url.host,
        port=url.port,
        database=url.database,
        query=url.difference_update_query(["password"]).query,
    )
    return shlex.quote(shown.render_as_string())
