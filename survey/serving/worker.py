"""One site worker: waitress on a listening socket that the supervisor bound."""

import gc
import logging
import signal
import socket
import sys
from typing import TYPE_CHECKING

from waitress.server import create_server

from survey.serving.lifeline import hold_on

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# Threads of one worker: as many answers are committed together, at most.
THREADS = 32
# Far above the site's own limit, so that it is the site that answers, with a page of its own;
# what arrives is kept on disk meanwhile.
MAX_BODY_BYTES = 64 * 1024 * 1024


def main() -> None:
    """Answer requests until SIGTERM; the requests in flight are finished first."""
    hold_on()
    from wsgi import create_site

    site = create_site()
    # What was made so far stays; the collector need not look through it again and again.
    gc.collect()
    gc.freeze()
    answer_requests(site, socket.socket(fileno=int(sys.argv[1])))


def answer_requests(application: "WSGIApplication", listener: socket.socket) -> None:
    """Serve an application on a listening socket until SIGTERM or SIGINT."""
    # It warns of every request that waits for a thread, which is what threads are for.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    server = create_server(
        application,
        sockets=[listener],
        threads=THREADS,
        max_request_body_size=MAX_BODY_BYTES,
        max_request_header_size=64 * 1024,
        asyncore_use_poll=True,
        ident="csat",
    )
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    server.run()


def _stop(*_: object) -> None:
    # Waitress leaves its loop on SystemExit, then waits for its threads.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(0)


if __name__ == "__main__":
    main()
