"""What the answers of others mean: a failure is what a setting mends, a warning what may pass."""

import pytest

from survey.delivery.failures import FailureKind
from survey.doctor.findings import Level
from survey.doctor.judging_services import judge_failure, judge_personal_key, judge_project_key


@pytest.mark.parametrize(
    ("status", "level", "named"),
    [
        (200, Level.OK, "CSAT_POSTHOG_KEY"),
        (401, Level.FAILURE, "CSAT_POSTHOG_KEY"),
        (302, Level.FAILURE, "CSAT_POSTHOG_HOST"),
        (404, Level.WARNING, "CSAT_POSTHOG_HOST"),
        (429, Level.WARNING, "429"),
        (503, Level.WARNING, "503"),
    ],
)
def test_the_projects_key(status, level, named):
    finding = judge_project_key(status, "https://us.i.posthog.com")
    assert (finding.level, named in finding.message) == (level, True)


@pytest.mark.parametrize(
    ("status", "level", "named"),
    [
        (200, Level.OK, "queries"),
        (202, Level.OK, "queries"),
        (401, Level.FAILURE, "CSAT_POSTHOG_PERSONAL_KEY"),
        (403, Level.FAILURE, "query:read"),
        (404, Level.FAILURE, "CSAT_POSTHOG_PROJECT_ID"),
        (301, Level.FAILURE, "CSAT_POSTHOG_APP_HOST"),
        (429, Level.WARNING, "429"),
        (503, Level.WARNING, "503"),
    ],
)
def test_the_personal_key(status, level, named):
    finding = judge_personal_key(status, "https://us.posthog.com")
    assert (finding.level, named in finding.message) == (level, True)


@pytest.mark.parametrize("kind", FailureKind)
def test_only_what_needs_the_operator_is_a_failure(kind):
    finding = judge_failure("mail server", kind, "it\nsaid no")
    assert (finding.level is Level.FAILURE) is (kind is FailureKind.NEEDS_OPERATOR)
    assert finding.message.startswith("it said no")
