"""Two sites are upgraded one after the other while customers answer: nothing is lost or refused."""

import re
import shutil
import subprocess
import sys

from survey.store.schema import REVISION, find_schema
from tests.conftest import on_postgresql
from tests.support.command import ROOT, environment
from tests.support.customers import Customers
from tests.support.reckoning import assert_nothing_is_lost
from tests.support.site import answers
from tests.support.tree import SiteTree

NEXT_REVISION = f"{int(REVISION) + 1:04}"
# It only adds, as CONTRIBUTING.md asks, so it supports the release before.
MIGRATION = f'''
"""A column, a table and an index more."""

import sqlalchemy as sa
from alembic import op

revision = "{NEXT_REVISION}"
down_revision = "{REVISION}"
oldest = "{REVISION}"


def upgrade() -> None:
    """Add them."""
    op.add_column("answers", sa.Column("note", sa.Text))
    op.add_column("outbox", sa.Column("tries", sa.Integer, nullable=False, server_default="0"))
    op.create_index("ix_outbox_tries", "outbox", ["tries"])
    op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True))
'''


def make_next_release(folder):
    """A copy of the program with one migration more."""
    shutil.copytree(ROOT / "survey", folder / "survey")
    for name in ("csat.py", "wsgi.py"):
        shutil.copy(ROOT / name, folder)
    versions = folder / "survey/store/migrations/versions"
    (versions / f"{NEXT_REVISION}_more.py").write_text(MIGRATION, encoding="utf-8")
    schema = folder / "survey/store/schema.py"
    text, count = re.subn(
        f'^REVISION = "{REVISION}"$',
        f'REVISION = "{NEXT_REVISION}"',
        schema.read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    assert count == 1
    schema.write_text(text, encoding="utf-8")
    return folder


def upgrade_by(release, database_url):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "csat", "db", "upgrade"],
        env=environment(PYTHONPATH=str(release), CSAT_DATABASE_URL=database_url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@on_postgresql
def test_sites_are_upgraded_one_by_one_and_no_answer_is_lost(
    database, database_url, posthog, tmp_path, seed
):
    release = tmp_path / "next"
    release.mkdir()
    make_next_release(release)
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    first, second = (SiteTree(each, database_url, posthog.url, "--no-tick") for each in folders)
    with (
        first,
        second,
        Customers([first.port, second.port], seed=seed, threads=4) as customers,
    ):
        customers.wait_for(25)
        upgrade_by(release, database_url)
        assert find_schema(database).revision == NEXT_REVISION
        # Both go on, on the schema of the next release.
        assert all(answers(f"http://127.0.0.1:{site.port}/readyz") for site in (first, second))
        customers.wait_for(25)
        for site in (first, second):
            site.stop()
            site.use_release(release)
            site.start()
            customers.wait_for(25)
        thanked = customers.stop()
        assert_nothing_is_lost(thanked, database_url, posthog)
    assert customers.refusals == 0
    for folder in folders:
        assert "schema" not in next(folder.glob("serve-*.log")).read_text()
