"""The formulas for shares, held to statsmodels."""

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint, proportions_ztest

from pipeline.proportions import compare_shares, reject_by_holm, wilson_interval

shares = st.integers(1, 10_000_000).flatmap(
    lambda trials: st.tuples(st.integers(0, trials), st.just(trials))
)


@settings(deadline=None)
@given(share=shares, alpha=st.sampled_from([0.05, 0.01]))
def test_the_interval(share, alpha):
    expected = proportion_confint(*share, alpha=alpha, method="wilson")
    assert wilson_interval(*share, alpha) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(trials=st.integers(1, 10_000_000))
def test_the_interval_ends_exactly_where_all_are_alike(trials):
    assert wilson_interval(0, trials, 0.05)[0] == 0.0
    assert wilson_interval(trials, trials, 0.05)[1] == 1.0


@settings(deadline=None)
@given(now=shares, before=shares)
def test_the_difference(now, before):
    (a, of_a), (b, of_b) = now, before
    if a * of_b == b * of_a:
        assert compare_shares((a, b), (of_a, of_b)) == 1.0
        return
    _, expected = proportions_ztest([a, b], [of_a, of_b])
    assert compare_shares((a, b), (of_a, of_b)) == pytest.approx(float(expected), rel=1e-6)


@settings(deadline=None)
@given(p_values=st.lists(st.floats(0, 0.1) | st.sampled_from([0.05, 0.025, 0.0125]), max_size=9))
def test_several_at_a_time(p_values):
    # statsmodels collects garbage each time, of all that the tests hold.
    with patch("gc.collect"):
        expected = multipletests(p_values, alpha=0.05, method="holm")[0] if p_values else []
    assert reject_by_holm(p_values, 0.05) == list(expected)
