"""What a webhook says of a ticket: section by section of its JSON, and nothing that it must not."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.vocabulary import LONGEST_VALUE, TicketStatus
from survey.zendesk.tickets import TicketUpdate
from survey.zendesk.webhook import BadWebhook, check_invocation_id, read_webhook
from tests.support.zendesk_webhook import SOLVED, webhook_body

REQUIRED = ("ticket_id", "status", "updated_at")


def read(**given):
    return read_webhook(webhook_body(**given))


def test_everything_that_is_kept_of_a_ticket():
    assert read() == TicketUpdate(
        ticket_id="42",
        status=TicketStatus.SOLVED,
        updated_at=datetime(2026, 10, 14, 9, 30, tzinfo=UTC),
        requester_external_id="jane",
        requester_email="jane@example.com",
        team="web_analytics",
        priority="urgent",
        severity="high",
        language="de",
        channel="Mail",
        tags=frozenset({"vip"}),
        created_at=datetime(2026, 10, 11, 8, tzinfo=UTC),
        solved_at=datetime(2026, 10, 14, 9, 30, tzinfo=UTC),
    )


def test_the_requesters_name_is_not_among_it():
    assert "Jane Doe" not in repr(read())


def test_names_that_we_do_not_know_are_ignored():
    assert read(subject="secret", comment={"deep": [1]}) == read()


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_value_is_none(blank):
    texts = {name: blank for name, value in SOLVED.items() if isinstance(value, str)}
    kept = {name: SOLVED[name] for name in REQUIRED}
    update = read(**{**texts, **kept, "tags": [blank]})
    assert update == read_webhook(json.dumps(kept).encode())
    assert update == TicketUpdate(
        ticket_id="42",
        status=TicketStatus.SOLVED,
        updated_at=datetime(2026, 10, 14, 9, 30, tzinfo=UTC),
        team="unassigned",
    )


def test_a_ticket_has_the_number_that_links_have():
    assert [read(ticket_id=text).ticket_id for text in ("42", " 42 ", "42.0")] == ["42"] * 3


@pytest.mark.parametrize(
    ("text", "status"),
    [("closed", "closed"), ("Deleted", "gone"), ("On-Hold", "open"), ("Gelöst", "open")],
)
def test_a_status_that_nobody_knows_is_open_so_that_nobody_is_asked(text, status):
    assert read(status=text).status == status


def test_a_text_is_cut_where_links_end_and_loses_what_cannot_be_stored():
    long = "x" * (LONGEST_VALUE + 1)
    assert read(severity=long).severity == long[:-1]
    assert read(severity="hi\x00gh\ud800\n").severity == "high"


@pytest.mark.parametrize("name", ["requester_external_id", "requester_email"])
@pytest.mark.parametrize("value", ["x" * (LONGEST_VALUE + 1), "ja\x00ne", "jane\ud800"])
def test_an_identity_that_no_link_can_carry_is_none_and_not_another(name, value):
    assert getattr(read(**{name: value}), name) is None
    assert getattr(read(**{name: " jane "}), name) == "jane"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        *(({name: ""}, f"{name} is missing") for name in REQUIRED),
        *(({name: " "}, f"{name} is missing") for name in REQUIRED),
        *(
            ({name: 42}, f"{name} is not a text")
            for name in SOLVED
            if name not in ("tags", "requester_name")
        ),
        *(({name: None}, f"{name} is not a text") for name in ("ticket_id", "group")),
        ({"ticket_id": "4\x002"}, "ticket_id holds control characters"),
        ({"ticket_id": "4" * 201}, "ticket_id is longer than 200 characters"),
        ({"updated_at": "2026-10-14T09:30:00"}, "updated_at is not a time with an offset"),
        ({"updated_at": "yesterday"}, "updated_at is not a time"),
        ({"updated_at": "0001-01-01T00:00:00+14:00"}, "updated_at is not a time"),
        ({"created_at": "October 14, 2026"}, "created_at is not a time"),
        ({"solved_at": "2026-10-14"}, "solved_at is not a time"),
        ({"tags": "vip csat_sent"}, "tags is not a list of texts"),
        ({"tags": ["vip", 1]}, "tags is not a list of texts"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(given, words):
    with pytest.raises(BadWebhook, match=words):
        read(**given)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"\xff\xfe\xfd", b'{"ticket_id": "42"} more', b"[" * 60_000, b"9" * 5_000),
        *(b"[]", b'"42"', b"null", b"NaN"),
    ],
)
def test_what_is_no_json_object_is_refused(body):
    with pytest.raises(BadWebhook, match="the body is not"):
        read_webhook(body)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*SOLVED, "other"]), anything | st.text()))
def test_whatever_comes_is_read_or_refused_and_can_be_stored(values):
    try:
        update = read(**values)
    except BadWebhook:
        return
    texts = [value for value in vars(update).values() if isinstance(value, str)]
    assert not any("\x00" in text for text in texts)
    assert "".join(texts).encode()
    times = (update.updated_at, update.created_at, update.solved_at)
    assert all(time is None or time.tzinfo is UTC for time in times)


def test_an_invocation_may_have_no_id_and_has_none_that_cannot_be_kept():
    assert check_invocation_id("01JD") == "01JD"
    assert check_invocation_id("") is None
    for bad in ("x" * 201, "01\x7fJD"):
        with pytest.raises(BadWebhook, match="the invocation id"):
            check_invocation_id(bad)
