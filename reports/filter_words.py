"""How the filters of a report read in words: on the page, in forms and in headings."""

from collections.abc import Sequence

from pipeline.query import UNKNOWN_LANGUAGE, ReportQuery
from reports.language_names import name_language
from reports.rows import name_team
from reports.wording import join_words
from survey.teams import Team
from survey.vocabulary import Trust

TRUST_NAMES = {
    Trust.SIGNED: "signed links",
    Trust.KNOWN: "known tickets",
    Trust.UNVERIFIED: "links not verified",
}


def describe_filters(query: ReportQuery, team_list: Sequence[Team]) -> list[str]:
    """Return what a query leaves in, in words: `of Surveys`, `rated 1 or 2`."""
    values = {
        "of": [name_team(slug, team_list) for slug in query.teams],
        "rated": [str(rating) for rating in query.ratings],
        "by": [TRUST_NAMES[trust] for trust in query.trusts],
        "in": [name_filter_language(tag) for tag in query.languages],
    }
    return [f"{word} {join_words(each, 'or')}" for word, each in values.items() if each]


def name_filter_language(tag: str) -> str:
    """Return what a language is called where one can choose it."""
    if tag == UNKNOWN_LANGUAGE:
        return "a language that is not known"
    language = name_language(tag)
    return language.name if language else "English"
