"""From located answers to counts: of all that there are, or of a part that shares no ticket."""

from pipeline.counts import MonthCounts, Totals
from pipeline.parts import Array
from pipeline.reduced_counts import decide_reduced, describe_responses, find_duplicates
from pipeline.schemas import RESPONSES, check
from pipeline.sources.located import Located
from survey.counting_rules import CountingRules
from survey.months import Month


def count_located(
    found: Located, rules: CountingRules, is_duplicate: Array | None = None
) -> Totals:
    """How many answers there are, and the counts of every month; raises SourceError."""
    if is_duplicate is None:
        is_duplicate = find_duplicates(found.answers, found.weigh)
    decided = decide_reduced(found.answers, is_duplicate, rules)
    return Totals(found.answers.num_rows, decided.count_responses())


def find_shown_duplicates(found: Located, month: Month, rules: CountingRules) -> Array:
    """Which answers are copies that do not count, where a month's comments matter, too."""
    opens_at, closes_at = month.bounds(rules.timezone)
    shown = (opens_at, closes_at + rules.edit_window)
    return find_duplicates(found.answers, found.weigh, shown)


def count_located_month(
    found: Located,
    is_duplicate: Array,
    month: Month,
    since: Month,
    rules: CountingRules,
) -> MonthCounts:
    """What the report of a month derives from; raises SourceError."""
    decided = decide_reduced(found.answers, is_duplicate, rules)
    first, latest = decided.find_commented(str(month))
    comments = found.read_comments(latest.tolist(), rules)
    commented = describe_responses(decided.answers, first, latest, comments, str(month))
    return MonthCounts(
        counts=decided.count_responses(str(since)),
        comment_counts=decided.count_comments(str(since)),
        commented=check(commented, RESPONSES),
        quality=decided.count_outcomes(str(month)),
    )
