"""A release works on the schema of a newer one, if that says so: so releases can be changed while
the site runs."""

import shutil
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from survey.site.readiness import Readiness
from survey.store import migrate
from survey.store.errors import StoreError
from survey.store.migrate import find_oldest_supported, upgrade
from survey.store.models import SchemaSupportRow
from survey.store.schema import REVISION, Schema, open_store, require_supported_schema

NEWER = "9998"
_revisions = st.integers(1, 9999).map("{:04}".format)


def pretend(database, revision, oldest):
    """A newer release has upgraded the database."""
    with database.writing() as connection:
        connection.execute(
            text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision}
        )
        connection.execute(text("UPDATE schema_support SET oldest = :oldest"), {"oldest": oldest})


def test_this_release_works_on_a_newer_schema_that_supports_it(database, database_url):
    pretend(database, NEWER, oldest=REVISION)
    open_store(database_url).close()
    upgrade(database)
    assert Readiness(database).find_obstacle() is None
    with database.reading() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == NEWER


def test_it_refuses_a_newer_schema_that_does_not(database):
    pretend(database, NEWER, oldest=NEWER)
    for use in (upgrade, require_supported_schema):
        with pytest.raises(StoreError, match=f"schema {NEWER}, this release knows up to"):
            use(database)
    assert Readiness(database).find_obstacle() is not None


@given(_revisions, _revisions)
def test_no_schema_is_both_supported_and_refused_as_newer(revision, oldest):
    schema = Schema(revision, min(oldest, revision))
    assert not (schema.is_supported and schema.is_newer)
    assert schema.is_supported or schema.is_newer or schema.revision < REVISION


def test_an_upgraded_database_says_what_it_supports(empty_database):
    upgrade(empty_database)
    with empty_database.reading() as connection:
        oldest = connection.scalar(select(SchemaSupportRow.oldest))
    migrations = Config()
    migrations.set_main_option("script_location", str(migrate._MIGRATIONS))
    assert oldest == find_oldest_supported(ScriptDirectory.from_config(migrations))


@pytest.mark.parametrize(
    ("declared", "oldest"),
    [
        # Expands alone; so do both.
        ({"0014": "0012"}, "0012"),
        ({"0014": "0012", "0015": "0012"}, "0012"),
        # Takes something away that 0012 used.
        ({"0014": None}, "0014"),
        # What was taken away does not come back.
        ({"0014": None, "0015": "0012"}, "0014"),
        ({"0014": "0012", "0015": "0014"}, "0014"),
    ],
)
def test_the_strictest_migration_decides_what_is_supported(tmp_path, declared, oldest):
    folder = tmp_path / "migrations"
    shutil.copytree(migrate._MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = "0013"
    for revision, supported in declared.items():
        says = f'oldest = "{supported}"\n' if supported else ""
        Path(folder, "versions", f"{revision}_test.py").write_text(
            f'revision = "{revision}"\ndown_revision = "{before}"\n{says}\n'
            "def upgrade() -> None:\n    pass\n"
        )
        before = revision
    assert find_oldest_supported(ScriptDirectory(str(folder))) == oldest
