"""How amounts are written, and how they are rounded."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.donations.money import (
    parse_amount,
    parse_currency,
    parse_unit_amount,
    round_amount,
)

MINOR_UNITS = {"GBP": Decimal("0.01"), "JPY": Decimal(1), "KWD": Decimal("0.001")}


class TestRounding:
    @pytest.mark.parametrize(
        ("amount", "currency", "rounded"),
        [
            ("0.125", "GBP", "0.12"),
            ("0.135", "GBP", "0.14"),
            ("0.1350001", "GBP", "0.14"),
            ("0.1250001", "GBP", "0.13"),
            ("2", "GBP", "2.00"),
            ("0.5", "JPY", "0"),
            ("1.5", "JPY", "2"),
            ("2.5", "JPY", "2"),
            ("0.0005", "KWD", "0.000"),
            ("0.0015", "KWD", "0.002"),
        ],
    )
    def test_is_half_to_even_at_the_minor_unit(self, amount, currency, rounded):
        assert str(round_amount(Decimal(amount), currency)) == rounded

    @given(st.decimals(0, 10**15, places=6), st.sampled_from(sorted(MINOR_UNITS)))
    def test_moves_an_amount_by_half_a_minor_unit_at_most(self, amount, currency):
        rounded = round_amount(amount, currency)
        assert abs(rounded - amount) <= MINOR_UNITS[currency] / 2
        assert rounded % MINOR_UNITS[currency] == 0
        assert round_amount(rounded, currency) == rounded

    def test_goes_on_in_a_currency_that_is_used_no_more(self):
        """A rate in levs is still in the ledger, and what is due is still paid."""
        with pytest.raises(ValueError, match="BGN"):
            parse_currency("BGN")
        assert str(round_amount(Decimal("0.125"), "BGN")) == "0.12"


class TestAmounts:
    @pytest.mark.parametrize("text", ["0.50", " 0.50\n", "0.500000", "0.5", "00.5"])
    def test_are_written_with_a_point(self, text):
        assert parse_amount(text) == Decimal("0.5")

    @given(st.decimals(0, 10**18 - 1, places=6))
    def test_are_read_to_the_last_of_six_decimals(self, amount):
        assert parse_amount(str(f"{amount:f}")) == amount

    @pytest.mark.parametrize(
        "text",
        [
            *("", " ", ".5", "5.", "0,50", "1,000", "1e3", "-1", "+1", "NaN", "Infinity", "£1"),
            *("1 000", "1_000", "0.1234567", "1" * 19, "٥"),
        ],
    )
    def test_are_nothing_else(self, text):
        with pytest.raises(ValueError, match=r"write it like 0\.50"):
            parse_amount(text)

    def test_for_one_hedgehog_have_an_end(self):
        """What a month makes due must fit into the ledger, however many hedgehogs it has."""
        assert parse_unit_amount("999999999.999999") == Decimal("999999999.999999")
        with pytest.raises(ValueError, match="1000000000 is too much for one hedgehog"):
            parse_unit_amount(" 1000000000")
        with pytest.raises(ValueError, match=r"write it like 0\.50"):
            parse_unit_amount("0,50")


class TestCurrencies:
    @pytest.mark.parametrize("text", ["GBP", "gbp", " Gbp "])
    def test_are_codes_of_iso_4217(self, text):
        assert parse_currency(text) == "GBP"

    @pytest.mark.parametrize("text", ["", "GB", "£", "826", "pound sterling", "BTC", "DEM"])
    def test_are_nothing_else(self, text):
        with pytest.raises(ValueError, match="not a currency; write its code"):
            parse_currency(text)

    @pytest.mark.parametrize("text", ["XAU", "XXX", "XTS"])
    def test_have_a_minor_unit(self, text):
        with pytest.raises(ValueError, match="not a currency that money is paid in"):
            parse_currency(text)
