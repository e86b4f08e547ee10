"""Which of two groups of texts a phrase marks: the log-odds ratio with a prior. Pure.

Monroe, Colaresi and Quinn: "Fightin' Words: Lexical Feature Selection and Evaluation for
Identifying the Content of Political Conflict", Political Analysis 16 (2008).
"""

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


def score_phrases(one: Counts, other: Counts, prior_total: float) -> npt.NDArray[np.float64]:
    """Return for each phrase of a vocabulary how clearly it marks one group of texts against the
    other: the z-score of its log-odds ratio, above 0 if it is more frequent in the first.

    `one` and `other` say how often each phrase stands in the groups; every phrase stands somewhere,
    and there are at least two of them. The informative Dirichlet prior is the phrase's frequency in
    both groups together, as if it had been seen in `prior_total` more phrases of each group: it
    keeps rare phrases from looking clear.
    """
    both = one + other
    prior = prior_total * both / both.sum()
    # How often each phrase was seen, and any other, with the prior.
    seen, not_seen = one + prior, one.sum() + prior_total - one - prior
    seen_in_other, not_in_other = other + prior, other.sum() + prior_total - other - prior
    delta = np.log(seen / not_seen) - np.log(seen_in_other / not_in_other)
    variance = 1 / seen + 1 / not_seen + 1 / seen_in_other + 1 / not_in_other
    scores: npt.NDArray[np.float64] = delta / np.sqrt(variance)
    return scores
