"""What `csat doctor` makes of other programs that were asked: PostHog, the mail server, Zendesk.
Pure."""

from survey.delivery.failures import FailureKind
from survey.doctor.findings import Finding, Level, in_one_line

KEY_CHECK = "posthog key"
PERSONAL_KEY_CHECK = "posthog personal key"


def judge_failure(check: str, kind: FailureKind, reason: str) -> Finding:
    """Return what a refusal means: a failure is what nobody accepts until a setting is mended, a
    warning what may pass."""
    if kind is FailureKind.NEEDS_OPERATOR:
        return in_one_line(check, Level.FAILURE, reason)
    return in_one_line(check, Level.WARNING, f"{reason}; it may pass, what waits is tried again")


def judge_project_key(status: int, host: str) -> Finding:
    """Return whether PostHog knows the key that events are sent with, by its answer to a question
    for feature flags, of which none is asked for."""
    if status == 200:
        return Finding(KEY_CHECK, Level.OK, f"{host} is reached, and knows CSAT_POSTHOG_KEY")
    if status in (401, 403):
        message = (
            f"{host} does not know CSAT_POSTHOG_KEY: copy the project API key from PostHog's "
            "settings; events wait until then"
        )
        return Finding(KEY_CHECK, Level.FAILURE, message)
    if 300 <= status < 400:
        message = f"{host} leads elsewhere ({status}): check CSAT_POSTHOG_HOST"
        return Finding(KEY_CHECK, Level.FAILURE, message)
    if status in (404, 405):
        message = (
            f"{host} cannot be asked whether it knows CSAT_POSTHOG_KEY ({status}): if this is a "
            "proxy of yours that passes on /batch/ alone, all may be well; else check "
            "CSAT_POSTHOG_HOST"
        )
        return Finding(KEY_CHECK, Level.WARNING, message)
    return _judge_passing(KEY_CHECK, host, status)


def judge_personal_key(status: int, host: str) -> Finding:
    """Return whether PostHog answers queries under the personal key, by its answer to one."""
    check = PERSONAL_KEY_CHECK
    if status in (200, 202):
        return Finding(check, Level.OK, f"{host} answers queries")
    if status == 401:
        message = f"{host} does not know CSAT_POSTHOG_PERSONAL_KEY: make a new one in its settings"
        return Finding(check, Level.FAILURE, message)
    if status == 403:
        message = (
            "CSAT_POSTHOG_PERSONAL_KEY may not ask: give it the scope query:read, and access to "
            "the project of CSAT_POSTHOG_PROJECT_ID"
        )
        return Finding(check, Level.FAILURE, message)
    if status < 500 and status != 429:
        message = (
            f"{host} answered {status}: check CSAT_POSTHOG_PROJECT_ID and CSAT_POSTHOG_APP_HOST"
        )
        return Finding(check, Level.FAILURE, message)
    return _judge_passing(check, host, status)


def _judge_passing(check: str, host: str, status: int) -> Finding:
    return judge_failure(check, FailureKind.TRANSIENT, f"{host} answered {status}")
