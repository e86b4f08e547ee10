"""What `csat doctor` says of PostHog's set-up: nothing where nobody wants one."""

from datetime import UTC, datetime

import pytest

from demo.behaviour import answer
from survey.doctor.findings import Level
from survey.posthog.applying import apply_plan
from survey.posthog.checking import check_setup, check_setup_if_made
from tests.conftest import on_sqlite
from tests.support.settings import make_settings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
pytestmark = on_sqlite


def test_without_a_key_nothing_is_asked(posthog, database):
    settings = make_settings(posthog_host=posthog.url)
    assert check_setup(database, settings, NOW) == []
    assert posthog.setup.asked == []


def test_the_doctor_asks_for_no_set_up(database, settings):
    assert check_setup_if_made(database, settings, NOW) == []
    assert Level.FAILURE in {each.level for each in check_setup(database, settings, NOW)}


def test_the_doctor_looks_after_one_that_was_made(posthog_client, posthog, database, settings):
    apply_plan(posthog_client, settings, NOW, lambda _change: None)
    own = posthog.setup.things["surveys"][0]["id"]
    settings = settings.model_copy(update={"survey_id": own})
    levels = [each.level for each in check_setup_if_made(database, settings, NOW)]
    assert levels == [Level.OK] * 3


def test_a_survey_of_somebody_else_will_do_if_it_runs(posthog_client, posthog, database, settings):
    theirs = {"id": "theirs", "name": "Theirs", "questions": [], "start_date": "2025-01-01"}
    posthog.setup.things["surveys"].append(theirs)
    settings = settings.model_copy(update={"survey_id": "theirs"})
    apply_plan(posthog_client, settings, NOW, lambda _change: None)
    assert {each.level for each in check_setup(database, settings, NOW)} == {Level.OK}
    theirs["archived"] = True
    assert Level.FAILURE in {each.level for each in check_setup(database, settings, NOW)}


@pytest.mark.parametrize(
    ("failure", "level"), [(answer(503), Level.WARNING), (answer(401), Level.FAILURE)], ids=str
)
def test_a_posthog_that_is_away_is_no_failure_of_ours(posthog, database, settings, failure, level):
    posthog.setup.behave("GET", failure)
    (found,) = check_setup(database, settings, NOW)
    assert (found.check, found.level) == ("posthog scopes", level)
    assert len(posthog.setup.asked) == 1  # it comes back by itself
