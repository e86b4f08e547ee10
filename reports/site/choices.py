"""What the forms of the pages offer to choose from, and how a choice reads in words."""

from dataclasses import dataclass

from pipeline.query import UNKNOWN_LANGUAGE, ReportQuery
from reports.language_names import name_language
from reports.rows import name_team
from reports.site.responses import Search
from reports.wording import count_things, join_words
from survey.languages import LANGUAGES
from survey.scale import LABELS, RATINGS
from survey.settings import Settings
from survey.teams import UNASSIGNED
from survey.vocabulary import Trust

_TRUST_NAMES = {
    Trust.SIGNED: "signed links",
    Trust.KNOWN: "known tickets",
    Trust.UNVERIFIED: "links not verified",
}


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
        "trust": [Choice(trust, _TRUST_NAMES[trust], trust in query.trusts) for trust in Trust],
        "language": [Choice(tag, _name(tag), tag in query.languages) for tag in tags],
    }


def describe_search(search: Search, total: int, settings: Settings) -> str:
    """Return what was found, as a heading: `12 responses of Surveys, rated 1 or 2`."""
    query = search.query
    what = "response with a comment" if search.commented_only else "response"
    found = count_things(total, what)
    if total != 1 and search.commented_only:
        found = f"{total:,} responses with a comment"
    parts = [found]
    if query.teams:
        names = [name_team(slug, settings.teams) for slug in query.teams]
        parts[0] += f" of {join_words(names, 'or')}"
    if query.ratings:
        parts.append(f"rated {join_words([str(each) for each in query.ratings], 'or')}")
    if query.trusts:
        parts.append(f"by {join_words([_TRUST_NAMES[each] for each in query.trusts], 'or')}")
    if query.languages:
        parts.append(f"in {join_words([_name(tag) for tag in query.languages], 'or')}")
    if search.text or search.phrase:
        parts.append(f"that hold “{search.text or search.phrase}”")
    return ", ".join(parts)


def _name(tag: str) -> str:
    if tag == UNKNOWN_LANGUAGE:
        return "a language that is not known"
    language = name_language(tag)
    return language.name if language else "English"
