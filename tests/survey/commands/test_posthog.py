"""`csat posthog setup` and `check`: planned, applied, killed, and looked after."""

import pytest

from demo.standin_access import PERSONAL_KEY, PROJECT_ID
from survey.posthog.wanted import INSIGHTS
from tests.conftest import on_sqlite
from tests.support.command import run_csat
from tests.support.killing import run_killed

ALL_THINGS = {"surveys": 1, "insights": len(INSIGHTS), "dashboards": 1}


@pytest.fixture
def variables(posthog):
    return {
        "CSAT_POSTHOG_HOST": posthog.url,
        "CSAT_POSTHOG_PROJECT_ID": PROJECT_ID,
        "CSAT_POSTHOG_PERSONAL_KEY": PERSONAL_KEY,
    }


@pytest.fixture
def run(variables):
    def run(*arguments, **more):
        return run_csat("posthog", *arguments, **{**variables, **more})

    return run


def count(posthog):
    return {kind: len(things) for kind, things in posthog.setup.things.items()}


def settings_in(text):
    lines = [line for line in text.splitlines() if line.startswith("CSAT_")]
    return dict(line.split("=") for line in lines)


def test_from_a_fresh_project_to_one_that_stands(run, posthog):
    planned = run("setup")
    assert (planned.returncode, planned.stderr) == (0, "")
    assert '+ the survey "Customer satisfaction score (CSAT)" would be made' in planned.stdout
    assert "+           SELECT\n" in planned.stdout
    assert planned.stdout.endswith("8 to make. Nothing was changed: --apply does it.\n")
    assert count(posthog) == dict.fromkeys(ALL_THINGS, 0)

    applied = run("setup", "--apply")
    assert applied.returncode == 0, applied.stderr
    assert applied.stdout.count(" was made") == 8
    assert count(posthog) == ALL_THINGS
    keep = settings_in(applied.stdout)
    assert keep["CSAT_SURVEY_ID"] == posthog.setup.things["surveys"][0]["id"]
    number = posthog.setup.things["dashboards"][0]["id"]
    assert f"{posthog.url}/project/1/dashboard/{number}" in applied.stdout

    again = run("setup", **keep)
    assert "would" not in again.stdout
    assert again.stdout.count("stands as it should") == 8


def test_what_was_changed_by_hand_is_shown_line_by_line(run, posthog):
    keep = settings_in(run("setup", "--apply").stdout)
    posthog.setup.things["insights"][0]["name"] = "Happiness"
    for arguments, verb in ((("setup",), "would be"), (("setup", "--apply"), "was")):
        told = run(*arguments, **keep).stdout
        assert "~ the insight" in told
        assert f"{verb} put back" in told
        assert "-     name: Happiness\n+     name: CSAT by month\n" in told
    assert posthog.setup.things["insights"][0]["name"] == "CSAT by month"


def test_a_name_that_is_taken_ends_it_with_what_to_do(run, posthog):
    name = "Customer satisfaction score (CSAT)"
    posthog.setup.things["surveys"].append({"id": "theirs", "name": name, "questions": []})
    for arguments in (("setup",), ("setup", "--apply")):
        done = run(*arguments)
        assert done.returncode == 1
        assert "csat: PostHog has a survey" in done.stderr
        assert "CSAT_SURVEY_ID=theirs" in done.stderr
    assert count(posthog)["dashboards"] == 0


@pytest.mark.parametrize("lacking", ["CSAT_POSTHOG_PROJECT_ID", "CSAT_POSTHOG_PERSONAL_KEY"])
def test_a_setting_that_is_missing_is_named(run, lacking):
    for command in ("setup", "check"):
        done = run(command, **{lacking: ""})
        assert (done.returncode, lacking in done.stderr) == (1, True)


def test_a_missing_scope_is_named(run, posthog):
    posthog.access.scopes[PERSONAL_KEY] = frozenset({"survey:read", "insight:read"})
    done = run("setup")
    assert (done.returncode, "dashboard:read" in done.stderr) == (1, True)


def test_whenever_it_is_killed_the_next_run_goes_on(run, posthog, variables):
    killed = ("survey.posthog.client:PostHogClient.send_once", "posthog", "setup", "--apply")
    place, *arguments = killed
    run_killed(place, "before", *arguments, **variables)
    assert count(posthog) == dict.fromkeys(ALL_THINGS, 0)
    for _ in range(9):  # each thing, and the note
        assert run_killed(place, "after", *arguments, **variables) == -9
    assert count(posthog) == ALL_THINGS
    keep = settings_in(run("setup", "--apply").stdout)
    assert "would" not in run("setup", **keep).stdout
    assert count(posthog) == ALL_THINGS
    (board,) = posthog.setup.things["dashboards"]
    assert len(board["tiles"]) == len(INSIGHTS) + 1


@on_sqlite
@pytest.mark.usefixtures("database")
def test_the_check_says_what_is_wrong_and_what_to_do(run, posthog, settings):
    more = {"CSAT_DATABASE_URL": settings.database_url}
    fresh = run("check", **more)
    assert fresh.returncode == 1
    assert "failure  posthog survey" in fresh.stdout
    assert "csat posthog setup" in fresh.stdout

    keep = settings_in(run("setup", "--apply").stdout)
    unset = run("check", **more)
    assert (unset.returncode, f"CSAT_SURVEY_ID={keep['CSAT_SURVEY_ID']}" in unset.stdout) == (
        1,
        True,
    )
    more |= keep
    well = run("check", **more)
    assert (well.returncode, well.stdout.count("ok ")) == (0, 4), well.stdout

    posthog.setup.things["surveys"][0]["end_date"] = "2026-11-01"
    posthog.setup.things["insights"][0]["name"] = "Happiness"
    wrong = run("check", **more)
    assert wrong.returncode == 1
    assert "was ended" in wrong.stdout
    assert 'the insight "CSAT by month" is not as set up' in wrong.stdout

    run("setup", "--apply", **keep)
    posthog.access.scopes[PERSONAL_KEY] = frozenset(
        {"survey:write", "insight:read", "dashboard:read", "query:read"}
    )
    little = run("check", **more)
    assert little.returncode == 0
    assert "warning  posthog scopes" in little.stdout
    assert "lacks insight:write, dashboard:write" in little.stdout
