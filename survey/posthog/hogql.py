"""The HogQL of the insights: it counts as docs/rules.md says, as far as HogQL can. Pure.

Where it cannot, docs/posthog.md says so, and the note on the dashboard.
"""

from survey.event_values import SURVEY_SENT, SURVEY_SHOWN
from survey.scale import RATINGS, SATISFIED
from survey.settings import Settings
from survey.teams import UNASSIGNED

# Without LIMIT PostHog gives a hundred rows, and does not say that it left some out.
MOST_MONTHS = 600
MOST_TEAMS = 1_000
MOST_COMMENTS = 100


def csat_by_month(settings: Settings, survey_id: str) -> str:
    """Return the query for CSAT of each month, beside that of the calendar month before."""
    return f"""\
SELECT
    formatDateTime(addMonths(month_start, months_later), '%Y-%m') AS month,
    countIf(months_later = 0) AS responses,
    {_share_of("months_later = 0")} AS csat_pct,
    {_share_of("months_later = 1")} AS previous_csat_pct
FROM (
    SELECT month_start, rating, arrayJoin([0, 1]) AS months_later
    FROM (
{_indent(_responses(settings, survey_id), 2)}
    )
)
GROUP BY month
HAVING responses > 0
ORDER BY month
LIMIT {MOST_MONTHS}"""  # nosec B608 # texts in it are quoted by _quote


def csat_by_team(settings: Settings, survey_id: str) -> str:
    """Return the query for CSAT of each team in this month."""
    return f"""\
SELECT
    team,
    count() AS responses,
    countIf(rating >= {min(SATISFIED)}) AS satisfied,
    round(100 * countIf(rating >= {min(SATISFIED)}) / count(), 2) AS csat_pct,
    round(avg(rating), 3) AS mean_rating
FROM (
{_indent(_responses(settings, survey_id))}
)
WHERE month_start = toStartOfMonth(toTimeZone(now(), {_timezone(settings)}))
GROUP BY team
ORDER BY team
LIMIT {MOST_TEAMS}"""  # nosec B608 # likewise


def responses_by_month(settings: Settings, survey_id: str) -> str:
    """Return the query for the number of responses of each month."""
    return f"""\
SELECT
    formatDateTime(month_start, '%Y-%m') AS month,
    count() AS responses
FROM (
{_indent(_responses(settings, survey_id))}
)
GROUP BY month
ORDER BY month
LIMIT {MOST_MONTHS}"""  # nosec B608 # likewise


def ratings_by_month(settings: Settings, survey_id: str) -> str:
    """Return the query for how often each rating was given in each month."""
    counts = ",\n".join(f"    countIf(rating = {each}) AS rating_{each}" for each in RATINGS)
    return f"""\
SELECT
    formatDateTime(month_start, '%Y-%m') AS month,
{counts}
FROM (
{_indent(_responses(settings, survey_id))}
)
GROUP BY month
ORDER BY month
LIMIT {MOST_MONTHS}"""  # nosec B608 # likewise


def latest_comments(settings: Settings, survey_id: str) -> str:
    """Return the query for the comments of the latest responses."""
    return f"""\
SELECT
    formatDateTime(toTimeZone(first_at, {_timezone(settings)}), '%Y-%m-%d %H:%i') AS answered_at,
    ticket,
    team,
    rating,
    comment
FROM (
{_indent(_responses(settings, survey_id))}
)
WHERE trim(comment) != ''
ORDER BY first_at DESC, ticket
LIMIT {MOST_COMMENTS}"""  # nosec B608 # likewise


def response_rate(settings: Settings, survey_id: str) -> str:
    """Return the query for the share of tickets that were answered, of those whose survey was
    seen, by the month in which it was seen first.

    An answer counts as a view, too: a browser without scripts tells of no view.
    """
    return f"""\
SELECT
    formatDateTime(month_start, '%Y-%m') AS month,
    count() AS tickets_shown,
    countIf(answers > 0) AS tickets_answered,
    round(100 * countIf(answers > 0) / count(), 2) AS response_rate_pct
FROM (
    SELECT
        ticket,
        toStartOfMonth(toTimeZone(min(timestamp), {_timezone(settings)})) AS month_start,
        countIf(given_rating != '') AS answers
    FROM (
        SELECT
            {_TICKET} AS ticket,
            event,
            timestamp,
{_indent(_rating(settings), 3)} AS given_rating
        FROM events
        WHERE event IN ('{SURVEY_SENT}', '{SURVEY_SHOWN}')
          AND properties.$survey_id = {_quote(survey_id)}
          AND {_TICKET} != ''
    )
    WHERE event = '{SURVEY_SHOWN}' OR given_rating != ''
    GROUP BY ticket
)
GROUP BY month
ORDER BY month
LIMIT {MOST_MONTHS}"""  # nosec B608 # likewise


# PostHog reads a property as a number where most of its values are numbers.
_TICKET = "trim(toString(properties.ticketId))"

# A slug, as survey/teams.py makes it: the predecessor sent teams by their names.
_TEAM = rf"""coalesce(
    nullIf(
        replaceRegexpAll(
            replaceRegexpAll(
                lowerUTF8(coalesce(
                    nullIf(trim(toString(properties.team)), ''),
                    toString(properties.ticketTeam)
                )),
                '[^\\p{{L}}\\p{{N}}]+',
                '_'
            ),
            '^_|_$',
            ''
        ),
        ''
    ),
    '{UNASSIGNED}'
)"""


def _responses(settings: Settings, survey_id: str) -> str:
    """Return a query for the responses: a row for each ticket's response.

    No name is given twice on one level: ClickHouse would read the one in the WHERE for the other.
    The first answer fixes month and team, the latest one rating and comment. Events of the
    predecessor have no submission id: there the ticket stands for it. A copy of an event that
    PostHog has not merged yet changes nothing.
    """
    return f"""\
SELECT
    min(timestamp) AS first_at,
    toStartOfMonth(toTimeZone(min(timestamp), {_timezone(settings)})) AS month_start,
    argMin(given_team, place) AS team,
    argMin(given_ticket, place) AS ticket,
    toInt(argMax(given_rating, place)) AS rating,
    argMax(given_comment, place) AS comment
FROM (
    SELECT
        coalesce(
            nullIf(toString(properties.$survey_submission_id), ''),
            concat('ticket ', {_TICKET})
        ) AS submission,
        timestamp,
        tuple(timestamp, toString(uuid)) AS place,
        {_TICKET} AS given_ticket,
{_indent(_TEAM, 2)} AS given_team,
{_indent(_rating(settings), 2)} AS given_rating,
        coalesce(getSurveyResponse(1, {_quote(settings.comment_question_id)}), '') AS given_comment
    FROM events
    WHERE event = '{SURVEY_SENT}'
      AND properties.$survey_id = {_quote(survey_id)}
      AND {_TICKET} != ''
)
WHERE given_rating != ''
GROUP BY submission"""  # nosec B608 # likewise


def _rating(settings: Settings) -> str:
    """Return the expression for an event's rating: a digit as text, blank or null if it has none.

    getSurveyResponse may read a number as blank, so its property is read besides.
    """
    return f"""\
extract(
    coalesce(
        nullIf(trim(getSurveyResponse(0, {_quote(settings.rating_question_id)})), ''),
        toString(properties.$survey_response)
    ),
    '^[[:space:]]*([1-5])(?:[.]0+)?[[:space:]]*$'
)"""


def _share_of(condition: str) -> str:
    """Return the expression for CSAT of the rows for which a condition holds, in per cent."""
    satisfied = f"countIf({condition} AND rating >= {min(SATISFIED)})"
    return f"round(100 * {satisfied} / nullIf(countIf({condition}), 0), 2)"


def _timezone(settings: Settings) -> str:
    return _quote(settings.timezone.key)


def _quote(text: str) -> str:
    """Return a text as a literal of HogQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _indent(text: str, levels: int = 1) -> str:
    return "\n".join("    " * levels + line for line in text.splitlines())
