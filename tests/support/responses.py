"""Answers and responses as rows to compare, from the frames of the pipeline."""

import pandas as pd

from pipeline.answers import ticket_ids, uuid_texts
from pipeline.counts import derive_responses, describe_latest
from pipeline.events import AnswerLookup
from pipeline.proofs import judge_trust
from pipeline.rules import decide
from pipeline.sources.base import Source
from survey.counting_rules import CountingRules
from survey.months import Month
from survey.vocabulary import TRUST_ORDER

MONTHS = [Month(2026, 9), Month(2026, 10), Month(2026, 11)]


def describe_answers(
    answers: pd.DataFrame, lookup: AnswerLookup, rules: CountingRules
) -> pd.DataFrame:
    """All answers in their order: what each says, with None where it says nothing."""
    rating = answers["rating"].astype("object")
    comments = [each.text for each in lookup.look_up_comments(answers)]
    return pd.DataFrame(
        {
            "uuid": uuid_texts(answers),
            "ticket_id": ticket_ids(answers),
            "distinct_id": answers["person"],
            "rating": rating.where(rating > 0, None),
            "comment": pd.Series(comments, answers.index, dtype="object"),
            "team": answers["team"].astype("str"),
            "answered_at": answers["answered_at"],
            "link_trust": judge_trust(answers, rules).map(lambda rank: TRUST_ORDER[rank].value),
            "is_other_survey": answers["is_other_survey"],
            "is_duplicate": answers["is_duplicate"],
        }
    )


def describe_all(decided: pd.DataFrame, lookup: AnswerLookup, rules: CountingRules) -> pd.DataFrame:
    """All responses by ticket: `ticket_id, team, rating, comment, answered_at, link_trust,
    language, month`, with None for no comment, and then for its language."""
    responses = describe_latest(derive_responses(decided, rules.timezone), decided)
    comments, languages = [], []
    for each in lookup.look_up_comments(responses):
        comments.append(each.text)
        languages.append(None if each.text is None else each.language)
    described = pd.DataFrame(
        {
            "ticket_id": ticket_ids(responses),
            "team": responses["team"].astype("str"),
            "rating": responses["rating"].astype("int64"),
            "comment": pd.Series(comments, responses.index, dtype="object"),
            "answered_at": responses["answered_at"],
            "link_trust": judge_trust(responses, rules).map(lambda rank: TRUST_ORDER[rank].value),
            "language": pd.Series(languages, responses.index, dtype="object"),
            "month": responses["month"].astype("str"),
        }
    )
    assert (described["comment"].notna() == responses["has_comment"]).all()
    return described.sort_values("ticket_id", ignore_index=True)


def describe_source(source: Source, rules: CountingRules) -> pd.DataFrame:
    """All responses of a source in the months of the tests, as `describe_all` gives them."""
    of_months = []
    for month in MONTHS:
        answers, lookup = source.read_answers(lambda _read: None, comments_of=month)
        responses = describe_all(decide(answers, rules), lookup, rules)
        of_months.append(responses[responses["month"] == str(month)])
    assert sum(map(len, of_months)) == len(responses)
    return pd.concat(of_months).sort_values("ticket_id", ignore_index=True)


def outcomes_by_uuid(source: Source, rules: CountingRules) -> list[tuple[str, str]]:
    """The uuid of every answer of a source, and what became of it, in their order."""
    answers, _ = source.read_answers(lambda _read: None)
    decided = decide(answers, rules)
    return list(zip(uuid_texts(decided), decided["outcome"], strict=True))
