"""Whether the process lives, and whether it can take answers."""

from sqlalchemy import text

from survey.site.app import create_app
from survey.store.database import Database
from tests.conftest import on_postgresql, on_sqlite
from tests.support.settings import make_settings


def test_a_site_on_a_current_database_is_ready(client):
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_a_site_on_an_old_schema_lives_but_is_not_ready(client, database):
    with database.writing() as connection:
        connection.execute(text("update alembic_version set version_num = '0000'"))
    assert client.get("/healthz").status_code == 200
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "csat db upgrade" in response.text


def test_a_site_without_a_database_is_not_ready(tmp_path):
    settings = make_settings()
    database = Database(f"sqlite:///{tmp_path}/nowhere/csat.db")
    client = create_app(settings, database).test_client()
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


@on_postgresql
def test_a_database_that_only_reads_is_not_ready(database, client):
    with database.writing() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    database.close()
    assert client.get("/readyz").status_code == 503


@on_sqlite
def test_a_database_that_cannot_be_written_is_not_ready(database, client):
    database.close()
    database.path.unlink()
    database.path.mkdir()
    assert client.get("/readyz").status_code == 503
