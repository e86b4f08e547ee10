"""What the forms of the pages offer to choose from, and how a choice reads in words."""

from dataclasses import dataclass

from pipeline.query import UNKNOWN_LANGUAGE, ReportQuery
from reports.filter_words import TRUST_NAMES, describe_filters, name_filter_language
from reports.rows import name_team
from reports.site.responses import Search
from reports.wording import count_things
from survey.languages import LANGUAGES
from survey.scale import LABELS, RATINGS
from survey.settings import Settings
from survey.teams import UNASSIGNED
from survey.vocabulary import Trust


@dataclass(frozen=True)
class Choice:
    """A value of a filter, what it is called, and whether it is chosen."""

    value: str
    name: str
    is_chosen: bool


def list_choices(query: ReportQuery, settings: Settings) -> dict[str, list[Choice]]:
    """Return what each filter can be set to: the teams of the list and those that are chosen, the
    ratings, how far links are trusted, and the languages of the survey."""
    slugs = dict.fromkeys([*(team.slug for team in settings.teams), UNASSIGNED, *query.teams])
    known = (language.tag for language in LANGUAGES)
    tags = dict.fromkeys([*known, UNKNOWN_LANGUAGE, *query.languages])
    return {
        "team": [
            Choice(slug, name_team(slug, settings.teams), slug in query.teams) for slug in slugs
        ],
        "rating": [
            Choice(str(rating), LABELS[rating], rating in query.ratings) for rating in RATINGS
        ],
        "trust": [Choice(trust, TRUST_NAMES[trust], trust in query.trusts) for trust in Trust],
        "language": [
            Choice(tag, name_filter_language(tag), tag in query.languages) for tag in tags
        ],
    }


def describe_search(search: Search, total: int, settings: Settings) -> str:
    """Return what was found, as a heading: `12 responses of Surveys, rated 1 or 2`."""
    found = count_things(total, "response")
    if search.commented_only:
        found += " with a comment"
    filters = describe_filters(search.query, settings.teams)
    if search.query.teams:
        found = f"{found} {filters.pop(0)}"
    if search.text or search.phrase:
        filters.append(f"that hold “{search.text or search.phrase}”")
    return ", ".join([found, *filters])
