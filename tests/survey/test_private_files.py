"""Data files are for their owner alone, whatever the umask and whatever was there before."""

import os
import stat
from pathlib import Path

import pytest

from demo.folder import DemoFolder
from survey.private_files import create_private, make_folder, open_private
from survey.store.database import Database
from survey.store.migrate import upgrade
from tests.conftest import on_sqlite
from tests.support.command import run_csat
from tests.support.events import make_event, write_jsonl


def modes(folder: Path) -> dict[str, int]:
    """The mode of everything in a folder."""
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*")
    }


def check_private(folder: Path, *but: str) -> set[str]:
    """Everything in a folder is private; the names of the files."""
    found = {name: mode for name, mode in modes(folder).items() if name not in but}
    expected = {name: 0o700 if (folder / name).is_dir() else 0o600 for name in found}
    assert found == expected
    return {name for name in found if not (folder / name).is_dir()}


def test_what_commands_write_is_private(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    os.chdir(work)
    (work / "solved.csv").write_text("ticketId\n1\n")
    (work / "export").mkdir()
    write_jsonl(work / "export/a.jsonl", [make_event()])
    os.utime(work / "export/a.jsonl", (0, 0))
    for command in (
        "db upgrade",
        "import export:export",
        "report --month 2026-10 --out reports/2026/10",
        "aggregate --out counts/all.csv --source export:export",
        "aggregate --out counts/all.parquet",
        "link --csv solved.csv --out links.csv",
        "mail preview --out mails/new",
    ):
        done = run_csat(*command.split(), umask=0)
        assert done.returncode == 0, (command, done.stderr)
    files = check_private(work, "solved.csv", "export", "export/a.jsonl")
    assert {"var/csat.db", "var/csat.db-writer", "links.csv", "counts/all.csv"} <= files
    assert len([name for name in files if name.startswith("var/exports/")]) == 2
    assert "reports/2026/10/report.html" in files


@on_sqlite
def test_the_files_beside_an_open_database_are_private(database, tmp_path):
    with database.writing(), database.reading():
        names = check_private(tmp_path)
    assert {"csat.db", "csat.db-wal", "csat.db-shm", "csat.db-writer"} <= names


@on_sqlite
def test_a_database_that_others_could_read_goes_on_and_is_private(database, settings, tmp_path):
    with database.writing(), database.reading():
        for path in tmp_path.iterdir():
            path.chmod(0o644)
        told = run_csat("config", "check", CSAT_DATABASE_URL=settings.database_url).stdout
        assert f"! {tmp_path / 'csat.db'} can be read by others" in told
    another = Database(settings.database_url)
    upgrade(another)
    another.close()
    check_private(tmp_path)
    with database.reading():
        pass


def test_a_file_that_is_written_again_becomes_private(tmp_path):
    (tmp_path / "invitation-en.txt").write_text("")
    (tmp_path / "links.csv").write_text("")
    assert run_csat("mail", "preview", "--out", str(tmp_path)).returncode == 0
    (tmp_path / "solved.csv").write_text("ticketId\n1\n")
    run_csat("link", "--csv", str(tmp_path / "solved.csv"), "--out", str(tmp_path / "links.csv"))
    check_private(tmp_path, "solved.csv")


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_the_demo_keeps_its_folder_to_itself(tmp_path, umask):
    folder = DemoFolder(tmp_path / "var/demo")
    before = os.umask(umask)
    try:
        with folder.locked():
            folder.secret_key()
            folder.clear()
    finally:
        os.umask(before)
    assert check_private(tmp_path) == {"var/demo/lock", "var/demo/secret_key"}


def test_a_folder_that_was_there_stays_as_it_is(tmp_path):
    tmp_path.chmod(0o755)
    make_folder(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_folder_that_cannot_be_one_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "file")


def test_a_file_that_is_there_keeps_its_content_and_devices_their_mode(tmp_path):
    (tmp_path / "there").write_text("x")
    create_private(tmp_path / "there")
    assert (tmp_path / "there").read_text() == "x"
    before = Path(os.devnull).stat().st_mode
    with open_private(Path(os.devnull)) as nothing:
        nothing.write(b"x")
    assert Path(os.devnull).stat().st_mode == before


def test_config_check_warns_of_an_env_file_that_others_can_read(tmp_path):
    env = tmp_path / ".env"
    env.write_text("CSAT_NAME=Ada\n")
    env.chmod(0o644)
    assert "! .env can be read by others" in run_csat("config", "check").stdout
    env.chmod(0o600)
    assert "can be read by others" not in run_csat("config", "check").stdout
