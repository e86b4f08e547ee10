"""Requests to the survey site, from their bytes to their answer: never an error of ours."""

from functools import cache
from re import compile as compile_pattern

from survey.serving.gateway import base_environ, begin_application, build_environ, encode_answer
from survey.serving.requests import Refused, RequestReader
from survey.site.app import create_app
from survey.site.context import SurveySite
from survey.store.database import Database
from survey.store.migrate import upgrade
from tests.fuzz.store import folder
from tests.support.hostile_paths import PATHS
from tests.support.settings import make_settings

BASE = base_environ(("127.0.0.1", 8000))
STATUS = compile_pattern(r"[1-4]\d\d ")
_FORM = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "
SEEDS = (
    b"GET /?distinct_id=jane&ticketId=42&team=Web&lang=de&rating=4 HTTP/1.1\r\n"
    b"Accept-Language: fr, en;q=0.5\r\nAccept-Encoding: gzip\r\nUser-Agent: x\r\n\r\n",
    b"POST /?distinct_id=jane&ticketId=42 HTTP/1.1\r\n" + _FORM + b"30\r\n\r\n"
    b"rating=5&comment=a&submit_id=b",
    b"POST /shown?ticketId=42 HTTP/1.1\r\nContent-Length: 32\r\n\r\n" + 32 * b"0",
    b"POST /hooks/zendesk HTTP/1.1\r\nX-Zendesk-Webhook-Signature: x\r\n\r\n",
    b"GET /thanks?ticketId=42&answer=a.b HTTP/1.1\r\n\r\n",
    b"GET /unsubscribe?token=a.b HTTP/1.1\r\n\r\n",
    *(b"GET %s HTTP/1.1\r\nAuthorization: Bearer x\r\n\r\n" % path.encode() for path in PATHS),
)


def check(data: bytes) -> None:
    """Raise for a request that is answered by an error of ours."""
    site = _site()
    try:
        requests = RequestReader(site.max_body_bytes).feed(data)
        environs = [build_environ(BASE, each, ("127.0.0.1", 1)) for each in requests]
    except Refused:
        return
    for request, environ in zip(requests, environs, strict=True):
        answer = begin_application(site, environ).finish()
        assert STATUS.match(answer.status), answer.status
        encode_answer(answer, method=request.method, keeps_alive=False, version=request.version)


@cache
def _site() -> SurveySite:
    database = Database(f"sqlite:///{folder()}/site.db")
    upgrade(database)
    settings = make_settings(
        database_url=f"sqlite:///{folder()}/site.db",
        metrics_token="token",
        zendesk_webhook_secret="secret",
        rate_limit_client=0,
        rate_limit_link=0,
        rate_limit_all=0,
        unverified_tickets_per_day=1_000_000_000,
    )
    return create_app(settings, database)
