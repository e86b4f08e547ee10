"""What customers wrote and who they are is nowhere in the logs, whatever happens to it.

A whole site runs with marked persons, words, addresses and secrets, among receivers that refuse
everything and repeat what they were sent, and with mistakes of ours in the middle.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from survey.clock import now
from tests.support.command import ROOT, run_csat
from tests.support.mail_server import mail_server
from tests.support.reports_site import hidden_fields
from tests.support.sentry_server import sentry_server
from tests.support.site import running_site, wait_until
from tests.support.zendesk_webhook import webhook_body, webhook_headers

MARK = "m4rked"
PERSON = f"{MARK}-person"
WORDS = f"{MARK} words of a customer"
ADDRESS = f"{MARK}@example.com"
SECRETS = {
    "CSAT_SECRET_KEY": f"{MARK}-secret-key-of-the-site",
    "CSAT_LINK_SECRET": f"{MARK}-secret-of-links",
    "CSAT_METRICS_TOKEN": f"{MARK}-metrics-token",
    "CSAT_POSTHOG_KEY": f"phc_{MARK}",
    "CSAT_ZENDESK_WEBHOOK_SECRET": f"{MARK}-webhook-secret",
}
# The site makes an answer's uuid of what was sent: here this fails on some words.
MISTAKE = """
import uuid
make = uuid.uuid5

def fail(namespace, name):
    if "explode" in name:
        raise ValueError(name)
    return make(namespace, name)

uuid.uuid5 = fail
"""


@contextmanager
def echo_server() -> Iterator[str]:
    """A server that refuses every post, in the words of the post."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """All that was logged, printed, reported and shown to others, by its place."""
    folder = tmp_path_factory.mktemp("told")
    (folder / "sitecustomize.py").write_text(MISTAKE)
    told: dict[str, str] = {}
    with sentry_server() as (sentry, envelopes), echo_server() as posthog, mail_server() as mail:
        mail.replies["RCPT"] = f"550 no mailbox for {ADDRESS}"
        settings = {
            **SECRETS,
            "PYTHONPATH": f"{folder}:{ROOT}",
            "CSAT_DATABASE_URL": f"sqlite:///{folder}/csat.db",
            "CSAT_LOG_FORMAT": "json",
            "CSAT_SENTRY_DSN": sentry,
            "CSAT_POSTHOG_HOST": posthog,
            "CSAT_SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
            "CSAT_MAIL_FROM": "care@example.com",
            "CSAT_ALERT_RECIPIENTS": f"all={ADDRESS}",
            "CSAT_SETTLING_DELAY": "0s",
        }
        with running_site(folder, reports=True, tick=True, **settings) as site:
            pages = visit(site.url)
            wait_until(lambda: "dead letter" in (folder / "serve.log").read_text())
            ticked = run_csat("tick", **settings)
            token = {"Authorization": f"Bearer {SECRETS['CSAT_METRICS_TOKEN']}"}
            told["figures"] = requests.get(f"{site.url}/metrics", headers=token, timeout=10).text
        told |= {f"page {number}": page for number, page in enumerate(pages)}
        told |= {"log": (folder / "serve.log").read_text(), "sentry": "\n".join(envelopes)}
        told |= {"tick": ticked.stdout + ticked.stderr, **run_commands(folder, settings)}
    return told


def visit(url: str) -> list[str]:
    """Do what customers, the help desk and a user of the reports do; the error pages."""
    link = {"distinct_id": PERSON, "ticketId": "42", "team": "surveys"}
    form = {"rating": "1", "comment": WORDS, "submit_id": MARK}
    requests.get(url, params=link, timeout=10)
    requests.post(url, form, params=link, timeout=10)
    exploding = {**form, "comment": f"{WORDS} explode"}
    errors = [requests.post(url, exploding, params=link, timeout=10)]
    errors.append(requests.get(url, params={**link, "sig": MARK}, timeout=10))
    errors.append(requests.get(f"{url}/{ADDRESS}", timeout=10))
    errors.append(requests.post(url, data=WORDS.encode() * 20_000, params=link, timeout=10))
    errors.append(requests.get(url, headers={"A": MARK * 8_000}, timeout=10))
    hook = f"{url}/hooks/zendesk"
    for body in (
        webhook_body(requester_email=ADDRESS, requester_external_id=PERSON),
        json.dumps({"ticket_id": WORDS, "status": ADDRESS}).encode(),
    ):
        headers = webhook_headers(body, now(), MARK, SECRETS["CSAT_ZENDESK_WEBHOOK_SECRET"])
        requests.post(hook, body, headers=headers, timeout=10)
        requests.post(hook, body, headers={**headers, **FORGED}, timeout=10)
    reports = f"{url}/reports"
    with requests.Session() as session:
        hidden = hidden_fields(session.get(f"{reports}/login", timeout=60).text)
        wrong = {**hidden, "username": ADDRESS, "password": WORDS}
        session.post(f"{reports}/login", wrong, timeout=10)
        errors.append(session.get(f"{reports}/nothing?q={PERSON}", timeout=10))
        errors.append(session.post(f"{reports}/login", {"username": ADDRESS}, timeout=10))
    assert [error.status_code for error in errors] == [500, 403, 404, 413, 431, 404, 400]
    return [error.text for error in errors]


FORGED = {"X-Zendesk-Webhook-Signature": MARK}


def run_commands(folder: Path, settings: dict[str, str]) -> dict[str, str]:
    """Import what cannot be read, and ask what the operator asks."""
    event = {
        "uuid": "not a uuid",
        "event": "survey sent",
        "distinct_id": PERSON,
        "timestamp": "yesterday",
        "properties": {"ticketId": "1", "$survey_response": "5", "$survey_response_1": WORDS},
    }
    (folder / "events.jsonl").write_text(json.dumps(event) + "\n" + json.dumps(event)[:-5])
    source = f"export:{folder}/events.jsonl"
    told = {}
    for command in (
        ("import", source),
        ("aggregate", "--source", source, "--out", str(folder / "counts.csv")),
        ("doctor",),
    ):
        done = run_csat(*command, **settings)
        told[command[0]] = done.stdout + done.stderr
    return told


def test_everything_happened_that_was_to_be_kept_silent_about(told):
    events = [json.loads(line) for line in told["log"].splitlines()]
    names = {event["event"] for event in events}
    assert {"request", "request failed", "request refused", "dead letter"} <= names
    assert {"webhook refused", "webhook not understood"} <= names
    assert "refused for good" in told["tick"] or "dead letter" in told["tick"]
    assert "ValueError" in told["sentry"]
    assert "row 1" in told["import"] or "line 1" in told["import"]
    assert 'csat_outbox_dead_now{channel="alert_mail"} 1' in told["figures"]


def test_nobody_is_told_who_it_was_or_what_was_written(told):
    for place, text in told.items():
        if not place.startswith("page"):
            assert MARK not in text, place


def test_error_pages_repeat_nothing_but_what_stood_in_the_link(told):
    for place, text in told.items():
        if place.startswith("page"):
            left = text.replace(PERSON, "").replace(f'value="{MARK}"', "")
            assert MARK not in left, place


def test_a_failure_is_found_by_the_number_on_its_page(told):
    events = [json.loads(line) for line in told["log"].splitlines()]
    (failed,) = [event for event in events if event["event"] == "request failed"]
    assert failed["exception"].startswith("ValueError < ")
    assert failed["request_id"] in told["page 0"]
    answered = [event for event in events if event.get("request_id") == failed["request_id"]]
    assert [event["event"] for event in answered] == ["request failed", "request"]
    refused = next(event for event in events if event.get("status") == 431)
    assert refused["request_id"] in told["page 4"]
