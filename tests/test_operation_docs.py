"""The commands by which docs/operators.md backs up and restores, tried on both databases."""

import re
import shlex
import subprocess
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select

from survey.pseudonyms import key_id
from survey.store.database import Database
from survey.store.models import AnswerRow, ErasureRow
from tests.conftest import on_postgresql, on_sqlite
from tests.support.command import ROOT, run_csat
from tests.support.customers import Answer
from tests.support.postgresql import find_program
from tests.support.receiving import take
from tests.support.settings import SECRET_KEY, make_settings

DOCUMENT = (ROOT / "docs/operators.md").read_text(encoding="utf-8")
ADDRESS = "postgresql://csat@db.example.com/csat"
A_BACKUP = "backups/csat-20261014T023000Z.db"


def lines_of(section, kind):
    """The commands of a section, of the code blocks for this kind of database."""
    text = DOCUMENT.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    text = text.partition(f"**{kind}**")[2].partition("\n**PostgreSQL**")[0]
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


def run_lines(lines, variables, programs=()):
    """Run each line as a shell does; what is the system's alone is left out."""
    ran = Counter()
    for name, *arguments in filter(None, lines):
        if name == "csat":
            done = run_csat(*arguments, **variables)
        elif name in programs:
            command = [find_program(name), *arguments]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        else:
            assert name == "systemctl"
            continue
        assert done.returncode == 0, done.stderr + done.stdout
        ran[name] += 1
    return ran


@pytest.fixture
def variables(database_url):
    return {"CSAT_DATABASE_URL": database_url, "CSAT_SECRET_KEY": SECRET_KEY}


@pytest.fixture
def answered(database, settings, variables, clock):
    """Some answers, as a site has received them."""
    assert run_csat("db", "upgrade", **variables).returncode == 0
    take(database, settings, [Answer(str(n), 5, "thanks", "s") for n in range(9)], clock())
    return database


def count_answers(database):
    with database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(AnswerRow))


@on_sqlite
def test_sqlite_is_backed_up_and_restored_as_the_document_says(
    answered, settings, variables, clock, tmp_path
):
    assert run_lines(lines_of("Backing up", "SQLite"), variables) == {"csat": 2}
    take(answered, settings, [Answer("later", 1, "gone", "s")], clock())
    answered.close()
    (backup,) = (tmp_path / "backups").iterdir()
    lines = [
        [str(backup) if word == A_BACKUP else word for word in line]
        for line in lines_of("Restoring", "SQLite")
    ]
    assert run_lines(lines, variables) == {"csat": 2}
    assert count_answers(answered) == 9


@on_postgresql
def test_postgresql_is_backed_up_and_restored_as_the_document_says(
    answered, settings, variables, clock, database_url, postgresql
):
    programs = {"pg_dump", "createdb", "pg_restore"}

    def here(lines):
        # The name of the restored database begins with that of the other one.
        return [[word.replace(ADDRESS, database_url) for word in line] for line in lines]

    assert run_lines(here(lines_of("Backing up", "PostgreSQL")), variables, programs) == {
        "pg_dump": 1
    }
    take(answered, settings, [Answer("later", 1, "gone", "s")], clock())
    proof = {
        "pseudonym": "erased:1",
        "key_id": key_id(SECRET_KEY),
        "erased_at": clock() - timedelta(days=365),
        "confirmed_by": "ada",
        "counts": "{}",
    }
    with answered.writing() as connection:
        connection.execute(insert(ErasureRow), proof)
    name = database_url.rpartition("/")[2]
    lines = [
        [f"{name}_restored" if word == "csat_restored" else word for word in line]
        for line in here(lines_of("Restoring", "PostgreSQL"))
    ]
    url = f"{database_url}_restored"
    restored = {**variables, "CSAT_DATABASE_URL": url}
    try:
        ran = run_lines(lines, restored, programs)
        assert ran == {"createdb": 1, "pg_restore": 1, "csat": 3}
        database = Database(make_settings(database_url=url).database_url)
        assert count_answers(database) == 9
        with database.reading() as connection:
            assert connection.scalars(select(ErasureRow.pseudonym)).all() == ["erased:1"]
        database.close()
    finally:
        postgresql.drop_database(url)
