"""Whether PostHog is set up as it should be, for `csat posthog check` and `csat doctor`."""

from contextlib import closing
from datetime import datetime

from survey.delivery.failures import FailureKind
from survey.doctor.findings import Finding, Level
from survey.posthog.client import PostHogClient
from survey.posthog.errors import PostHogError
from survey.posthog.planning import (
    Found,
    MoreThanOne,
    describe,
    find_own,
    find_survey,
    is_running,
    make_plan,
)
from survey.posthog.reading import find_missing_scopes, read_found
from survey.posthog.wanted import SURVEY_KEY, Kind
from survey.settings import Settings
from survey.store.database import Database

# In seconds, for each of a dozen requests: who checks does not wait for long.
DEADLINE_SECONDS = 5.0
SCOPES_CHECK, SURVEY_CHECK = "posthog scopes", "posthog survey"
DASHBOARD_CHECK = "posthog dashboard"
_SET_UP = "`csat posthog setup` says what it would change"


def check_setup(_database: Database, settings: Settings, now: datetime) -> list[Finding]:
    """Return whether the key may do what is needed, the survey runs, and insights and dashboard
    are as set up; nothing where no key or no project is set."""
    return _check(settings, now, is_needed=True)


def check_setup_if_made(_database: Database, settings: Settings, now: datetime) -> list[Finding]:
    """Return the same, but nothing where nobody has set up anything: not everybody wants that."""
    return _check(settings, now, is_needed=False)


def _check(settings: Settings, now: datetime, *, is_needed: bool) -> list[Finding]:
    if settings.posthog_project_id is None or settings.posthog_personal_key is None:
        return []
    client = PostHogClient(
        settings.posthog_app_address,
        settings.posthog_project_id,
        settings.require_posthog_personal_key(),
        attempts=1,
        deadline=DEADLINE_SECONDS,
    )
    with closing(client):
        try:
            found = read_found(client)
            if not is_needed and not _is_set_up(found, settings):
                return []
            return [
                _judge_scopes(find_missing_scopes(client)),
                _judge_survey(found, settings),
                _judge_dashboard(found, settings, now),
            ]
        except MoreThanOne as error:
            return [Finding(DASHBOARD_CHECK, Level.FAILURE, str(error))]
        except PostHogError as error:
            return [_judge_failure(error)]


def _is_set_up(found: Found, settings: Settings) -> bool:
    own = find_own(Kind.SURVEY, SURVEY_KEY, found.surveys)
    return bool(settings.survey_id or own or found.insights or found.dashboard)


def _judge_failure(error: PostHogError) -> Finding:
    # What may pass is no reason to wake somebody.
    level = Level.WARNING if error.kind is FailureKind.TRANSIENT else Level.FAILURE
    return Finding(SCOPES_CHECK, level, str(error))


def _judge_scopes(missing: list[str]) -> Finding:
    if missing:
        message = (
            f"CSAT_POSTHOG_PERSONAL_KEY lacks {', '.join(missing)}: `csat posthog setup --apply` "
            "needs these scopes, nothing else does"
        )
        return Finding(SCOPES_CHECK, Level.WARNING, message)
    return Finding(SCOPES_CHECK, Level.OK, "it may read and change survey, insights and dashboard")


def _judge_survey(found: Found, settings: Settings) -> Finding:
    own = find_own(Kind.SURVEY, SURVEY_KEY, found.surveys)
    survey = find_survey(found, settings.survey_id) if settings.survey_id else own
    if survey is None:
        named = (
            f"CSAT_SURVEY_ID is {settings.survey_id}, and there is" if settings.survey_id else ""
        )
        message = f"{named or 'there is'} no such survey at PostHog; {_SET_UP}"
        return Finding(SURVEY_CHECK, Level.FAILURE, message)
    if not is_running(survey):
        message = (
            f"{survey['id']} was not started, or was ended: PostHog shows no answers on its page; "
            f"{_SET_UP}"
        )
        return Finding(SURVEY_CHECK, Level.FAILURE, message)
    if settings.event_survey_id != str(survey["id"]):
        message = (
            f"events go to {settings.event_survey_id}, the survey is {survey['id']}: set "
            f"CSAT_SURVEY_ID={survey['id']} and start csat serve again"
        )
        return Finding(SURVEY_CHECK, Level.FAILURE, message)
    return Finding(SURVEY_CHECK, Level.OK, f"{survey['id']} is running")


def _judge_dashboard(found: Found, settings: Settings, now: datetime) -> Finding:
    plan = make_plan(found, settings, now)
    changes = [describe(each.kind, each.name) for each in plan.changes]
    if plan.problems or changes:
        reasons = [*plan.problems, *(f"{each} is not as set up" for each in changes)]
        message = f"{'; '.join(reasons)}; {_SET_UP}"
        return Finding(DASHBOARD_CHECK, Level.FAILURE, message)
    return Finding(DASHBOARD_CHECK, Level.OK, "survey, insights and dashboard are as set up")
