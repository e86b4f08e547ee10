"""Who sent a delivery, and when: the signature of Zendesk's webhooks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from survey.zendesk.signature import find_fault, sign_delivery

SECRET = "a webhook secret"
TIMESTAMP = "2026-10-14T09:30:00Z"
NOW = datetime(2026, 10, 14, 9, 30, tzinfo=UTC)
BODY = b'{"ticket_id":"42"}'
# By `openssl dgst -sha256 -hmac 'a webhook secret' -binary | base64`.
SIGNATURE = "BVVaipMYAgaH/S15AYGwpyNtwXEz0BaCmZ9lQAvuISs="


def fault_of(**given):
    """What is wrong with a delivery that is right but for what is given."""
    delivery = {
        "secret": SECRET,
        "signature": SIGNATURE,
        "timestamp": TIMESTAMP,
        "body": BODY,
        "now": NOW,
    }
    return find_fault(**{**delivery, **given})


def resigned(timestamp):
    return {"timestamp": timestamp, "signature": sign_delivery(SECRET, timestamp, BODY)}


def test_a_delivery_signed_by_another_program_is_believed():
    assert fault_of() is None


def test_an_empty_body_can_be_signed():
    assert fault_of(body=b"", signature=sign_delivery(SECRET, TIMESTAMP, b"")) is None


@pytest.mark.parametrize(
    "given",
    [
        {"signature": ""},
        {"signature": SIGNATURE.lower()},
        {"signature": SIGNATURE.rstrip("=")},
        {"signature": f" {SIGNATURE}"},
        {"signature": "é" * 44},
        {"body": BODY + b" "},
        {"body": BODY.replace(b"42", b"43")},
        {"timestamp": "2026-10-14T09:30:01Z"},
        {"timestamp": ""},
        {"secret": "another secret"},
    ],
)
def test_anything_else_than_what_was_signed_is_refused(given):
    assert "CSAT_ZENDESK_WEBHOOK_SECRET" in fault_of(**given)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_time_may_be_five_minutes_off_and_no_more(sign):
    assert fault_of(now=NOW + sign * timedelta(minutes=5)) is None
    late = fault_of(now=NOW + sign * timedelta(minutes=5, microseconds=1))
    assert "5 minutes apart" in late


def test_the_time_is_an_instant_whatever_its_offset():
    assert fault_of(**resigned("2026-10-14T11:30:00+02:00")) is None
    assert "apart" in fault_of(**resigned("2026-10-14T09:30:00+02:00"))


@pytest.mark.parametrize("timestamp", ["", "now", "2026-10-14T09:30:00", "1760434200", "é"])
def test_a_signed_time_that_cannot_be_read_is_refused(timestamp):
    assert "not a time" in fault_of(**resigned(timestamp))


@given(st.text(max_size=60), st.text(max_size=60), st.binary(max_size=60))
def test_nothing_made_up_is_believed(signature, timestamp, body):
    assume((signature, timestamp, body) != (SIGNATURE, TIMESTAMP, BODY))
    assert fault_of(signature=signature, timestamp=timestamp, body=body) is not None
