"""A real PostgreSQL server of the tests' own: its own user, its own folder, gone at the end."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psycopg

from demo.processes import free_port
from tests.support.site import children_of

# PostgreSQL refuses to run as root.
UNPRIVILEGED_USERS = ("postgres", "nobody")


def find_program(name: str) -> str:
    """Where one of PostgreSQL's programs is: Debian keeps them off the PATH."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(places[-1]) if places else shutil.which(name)
    assert found, f"PostgreSQL's {name} is missing; `make test` installs it"
    return found


def unprivileged_user() -> str | None:
    """The user the server runs as; None where that is who runs the tests."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED_USERS if name in known)


class PostgresqlServer:
    """A server on a free port of this machine; `stop` and `start` as often as a test likes."""

    def __init__(self, folder: Path, options: str = "") -> None:
        self.port = free_port()
        self._options = options
        self._data = folder / "data"
        self._folder = folder
        self._user = unprivileged_user()
        if self._user is not None:
            shutil.chown(folder, self._user)
        self._run("initdb", "-D", self._data, "-U", "csat", "-A", "trust", "-E", "UTF8")

    def start(self) -> None:
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1"
        options += self._options
        log = self._folder / "server.log"
        try:
            self._run("pg_ctl", "start", "-w", "-D", self._data, "-o", options, "-l", log)
        except AssertionError as error:
            error.add_note(log.read_text() if log.exists() else "The server wrote no log.")
            raise

    def stop(self, how: str = "fast") -> None:
        """`immediate` is a crash: the next start recovers from its log."""
        self._run("pg_ctl", "stop", "-w", "-D", self._data, "-m", how)

    def freeze(self) -> None:
        """Suspend all of its processes: it keeps what it has, and does nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        main = int((self._data / "postmaster.pid").read_text().split()[0])
        # The main process first, so that it starts no other meanwhile.
        for pid in (main, *children_of(main)):
            # A process that serves a connection may have ended meanwhile.
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def url(self, name: str) -> str:
        return f"postgresql://csat@127.0.0.1:{self.port}/{name}"

    def create_database(self, template: str = "template1") -> str:
        """The address of a new database, empty or a copy of another."""
        name = f"csat_{uuid4().hex}"
        # To copy the files takes half the time that PostgreSQL needs to log their content.
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY = FILE_COPY")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        self._execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _run(self, program: str, *arguments: object) -> None:
        # Its output goes to a file: the server inherits it, and a pipe would never end.
        with (self._folder / "programs.log").open("a+b") as log:
            done = subprocess.run(
                [find_program(program), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                user=self._user,
                group=self._user and pwd.getpwnam(self._user).pw_gid,
                extra_groups=[] if self._user else None,
                check=False,
            )
            log.seek(0)
            assert done.returncode == 0, log.read().decode()


# For a server that no test crashes: making databases takes a tenth of the time.
WITHOUT_DISK = " -c fsync=off -c full_page_writes=off"


@contextmanager
def running_postgresql(options: str = "") -> Iterator[PostgresqlServer]:
    """A server in a folder of its own, which its user can reach whatever pytest's folder allows."""
    folder = Path(tempfile.mkdtemp(prefix="csat-postgresql-"))
    try:
        server = PostgresqlServer(folder, options)
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
