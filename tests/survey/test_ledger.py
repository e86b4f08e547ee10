"""The entries of the ledger as values, the hash that chains them, and the tickets they count."""

import hashlib
import json
from datetime import date, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.ledger import (
    NO_HASH,
    EntryKind,
    LedgerEntry,
    NewEntry,
    chain_entries,
    digest_tickets,
    hash_values,
    join_tickets,
    split_tickets,
)
from survey.months import Month
from tests.support.donations import OCTOBER
from tests.support.ledger_entries import a_close, a_rate

amounts = st.decimals("0", "999999999", places=6)
months = st.builds(Month, st.integers(2, 9998), st.integers(1, 12))
offsets = st.integers(-14 * 60, 14 * 60).map(lambda each: timezone(timedelta(minutes=each)))
instants = st.datetimes(timezones=offsets)
FIELDS = {
    "original_month": months,
    "ticket_id": st.text(min_size=1),
    "reason": st.text(),
    "hedgehogs": st.integers(-(2**62), 2**62),
    "unit_amount": amounts,
    "currency": st.sampled_from(["GBP", "JPY"]),
    "amount": amounts,
    "charity": st.text(),
    "charity_reference": st.text(),
    "paid_on": st.dates(),
    "payment_reference": st.text(),
    "corrected": st.integers(1),
    "timezone": st.sampled_from(["Europe/London", "Asia/Tokyo"]),
    "opens_at": instants,
    "closes_at": instants,
    "rules": st.text(),
    "newest_answer": st.integers(0),
    "tickets_digest": st.text(),
}
new_entries = st.builds(
    NewEntry,
    kind=st.sampled_from(EntryKind),
    month=months,
    recorded_at=instants,
    recorded_by=st.text(),
    **{name: st.none() | values for name, values in FIELDS.items()},
)
# A row of the table: every column has a text, a whole number, or nothing.
rows = st.dictionaries(
    st.text(min_size=1).filter(lambda name: name != "hash"),
    st.none() | st.text() | st.integers(),
    min_size=1,
)


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class TestTheHash:
    def test_is_that_of_a_json_object_that_any_program_can_write(self):
        values = {"sequence": 1, "kind": "rate", "month": "2026-10", "unit_amount": "0.50"}
        text = '{"kind":"rate","month":"2026-10","sequence":1,"unit_amount":"0.50"}'
        assert hash_values(values) == hash_of(text)

    def test_takes_characters_outside_ascii_as_they_are(self):
        text = '{"charity":"Igel 🦔 \\"Zoë\\""}'
        assert hash_values({"charity": 'Igel 🦔 "Zoë"'}) == hash_of(text)

    def test_is_there_for_texts_that_utf_8_cannot_write(self):
        """A damaged file can hold such a text, and is not to end a check of the chain."""
        assert hash_values({"charity": "\udcff"}) != hash_values({"charity": "\\udcff"})

    @given(rows)
    def test_does_not_depend_on_the_order_of_the_columns(self, values):
        assert hash_values(dict(reversed(values.items()))) == hash_values(values)

    @given(rows, st.text())
    def test_leaves_out_itself_and_columns_without_a_value(self, values, own):
        """So a column that a later release adds changes no hash of an older entry."""
        stripped = {name: value for name, value in values.items() if value is not None}
        assert hash_values({**values, "a later column": None, "hash": own}) == hash_values(stripped)

    @given(rows, st.data())
    def test_changes_with_every_value(self, values, data):
        name = data.draw(st.sampled_from(sorted(values)))
        other = data.draw(st.none() | st.text() | st.integers())
        is_other = hash_values({**values, name: other}) != hash_values(values)
        assert is_other == (other != values[name])

    def test_tells_a_number_from_its_text_and_no_value_from_a_blank_one(self):
        variants = [{"x": 0}, {"x": "0"}, {"x": ""}, {"x": None}, {"y": 0}]
        assert len({hash_values(each) for each in variants}) == len(variants)


class TestTheChain:
    @given(st.lists(new_entries, max_size=3))
    def test_gives_every_entry_the_next_number_and_the_hash_of_the_one_before(self, new):
        chained = chain_entries(new, 7, "the last one")
        hashes = ["the last one", *(row["hash"] for row in chained)]
        assert [row["sequence"] for row in chained] == list(range(8, 8 + len(new)))
        assert [row["previous_hash"] for row in chained] == hashes[:-1]
        assert [hash_values(row) for row in chained] == hashes[1:]

    @given(st.lists(new_entries, min_size=2, max_size=3))
    def test_is_the_same_whether_entries_come_together_or_one_after_another(self, new):
        together = chain_entries(new, 0, NO_HASH)
        first = chain_entries(new[:1], 0, NO_HASH)
        rest = chain_entries(new[1:], 1, first[0]["hash"])
        assert [*first, *rest] == together

    def test_tells_two_equal_entries_apart(self):
        rate = a_rate(OCTOBER, "0.50")
        first, second = chain_entries([rate, rate], 0, NO_HASH)
        assert first["hash"] != second["hash"]


class TestAnEntry:
    @given(new_entries)
    def test_is_the_same_when_it_is_read_again(self, new):
        (row,) = chain_entries([new], 0, NO_HASH)
        read = LedgerEntry.of(json.loads(json.dumps(row)))
        assert {name: getattr(read, name) for name in vars(new)} == vars(new)
        assert read.to_values() == row

    def test_is_written_as_texts_and_whole_numbers(self):
        values = a_close(OCTOBER, 5, amount=Decimal("1E+2"), paid_on=date(2026, 11, 3)).to_values()
        assert values["kind"] == "close"
        assert values["month"] == "2026-10"
        assert values["hedgehogs"] == 5
        assert values["amount"] == "100"
        assert values["paid_on"] == "2026-11-03"
        assert values["opens_at"] == "2026-10-01T00:00:00+01:00"
        assert values["closes_at"] == "2026-11-01T00:00:00+00:00"
        assert values["charity"] is None

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("kind", "gift"),
            ("month", "2026-13"),
            ("original_month", 7),
            ("recorded_at", "yesterday"),
            ("opens_at", 5),
            ("paid_on", "30.02.2026"),
            ("amount", "a lot"),
        ],
    )
    def test_has_no_value_that_means_nothing(self, column, value):
        (row,) = chain_entries([a_close(OCTOBER, 5)], 0, NO_HASH)
        with pytest.raises(ValueError, match=str(value)):
            LedgerEntry.of({**row, column: value})


# A ticket has at least one character, and none is a NUL: whatever reads one sees to that.
tickets = st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))


class TestTickets:
    @given(tickets)
    def test_are_split_as_they_were_joined(self, some):
        assert split_tickets(join_tickets(some)) == sorted(some)

    @given(tickets, tickets)
    def test_have_the_same_digest_only_if_they_are_the_same(self, some, others):
        digests = [digest_tickets(join_tickets(each)) for each in (some, others)]
        assert (digests[0] == digests[1]) == (sorted(some) == sorted(others))

    def test_are_joined_as_an_auditor_can_do(self):
        digest = hashlib.sha256("10\0T-2\0Zoë".encode()).hexdigest()
        assert digest_tickets(join_tickets(["Zoë", "T-2", "10"])) == digest

    def test_of_a_month_without_responses_are_none(self):
        assert join_tickets([]) == b""
        assert split_tickets(b"") == []
