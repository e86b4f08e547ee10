"""Find out whether an answer could be stored, by storing something, within a time limit."""

import threading
from time import monotonic

import structlog

from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.probe import write_probe
from survey.store.schema import schema_is_supported

# A result is reused for this time, because anybody may ask, and each try is a commit.
KEEP_SECONDS = 1.0
# A caller gets an answer within this time, whatever the database does.
LONGEST_WAIT_SECONDS = 1.0

_NO_ANSWER = "the database does not answer"

log = structlog.get_logger()


class Readiness:
    """Tries to write to a database in a separate thread, one try at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._done: threading.Event | None = None
        self._obstacle: str | None = "the database was not tried yet"
        self._began_at = self._ended_at = float("-inf")

    def find_obstacle(self) -> str | None:
        """Return the reason why no answer could be stored; None if one could be stored."""
        with self._lock:
            now = monotonic()
            done = self._done
            if done is None and now - self._ended_at < KEEP_SECONDS:
                return self._obstacle
            if done is not None:
                # Only the caller that began the try waits, so many callers block only one thread.
                is_late = now - self._began_at > LONGEST_WAIT_SECONDS
                return _NO_ANSWER if is_late else self._obstacle
            self._began_at = now
            done = self._done = threading.Event()
        threading.Thread(target=self._try, name="readiness", daemon=True).start()
        return self._obstacle if done.wait(LONGEST_WAIT_SECONDS) else _NO_ANSWER

    def _try(self) -> None:
        obstacle: str | None = "the database cannot be written"
        try:
            if schema_is_supported(self._database):
                write_probe(self._database)
                obstacle = None
            else:
                obstacle = "the schema is not current: run csat db upgrade"
        except StoreError as error:
            log.error("not ready", reason=str(error))
        finally:
            with self._lock:
                self._obstacle, self._ended_at = obstacle, monotonic()
                done, self._done = self._done, None
            if done is not None:
                done.set()
