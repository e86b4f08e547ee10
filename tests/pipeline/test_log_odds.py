"""The log-odds ratio with an informative Dirichlet prior, as published."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.log_odds import score_phrases

counts = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 500)).filter(any), min_size=2, max_size=30
)


def scores(pairs: list[tuple[int, int]], prior_total: float) -> list[float]:
    one, other = np.array(pairs, dtype=np.int64).T
    return score_phrases(one, other, prior_total).tolist()


def test_step_by_step():
    # `slow` stands in 6 of 20 phrases of one group and in 2 of 60 of the other.
    # The prior has seen it in 8 × (6 + 2) / (20 + 60) = 0.8 of 8 phrases more.
    # δ = ln(6.8 / (28 − 6.8)) − ln(2.8 / (68 − 2.8)) = −1.13708 + 3.14784 = 2.01076
    # σ² = 1 / 6.8 + 1 / 21.2 + 1 / 2.8 + 1 / 65.2 = 0.56671
    # z = 2.01076 / √0.56671 = 2.67104
    assert scores([(6, 2), (14, 58)], 8.0)[0] == pytest.approx(2.67104, abs=5e-6)


def test_as_frequent_in_both_marks_neither():
    assert scores([(10, 30), (20, 60)], 12.0) == pytest.approx([0, 0])


def test_a_phrase_in_many_texts_is_clearer_than_one_in_few():
    few, many, _ = scores([(5, 0), (50, 0), (1000, 1000)], 200.0)
    assert 0 < few < many


@given(pairs=counts, prior_total=st.floats(0.1, 1000))
def test_the_other_way_round_the_sign_alone_changes(pairs, prior_total):
    turned = [(other, one) for one, other in pairs]
    assert scores(turned, prior_total) == pytest.approx(
        [-score for score in scores(pairs, prior_total)]
    )


@given(pairs=counts, prior_total=st.floats(0.1, 1000))
def test_each_score_is_a_number(pairs, prior_total):
    assert all(math.isfinite(score) for score in scores(pairs, prior_total))
