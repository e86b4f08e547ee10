"""`csat config check`: texts by language, colours, and what they lack."""

from itertools import pairwise

import pytest

from tests.support.command import run_csat


def test_texts_are_shown_as_they_are_written_and_what_they_leave_out_is_said():
    texts = {"CSAT_RATING_QUESTION": "How was it?|de=Wie war es?"}
    done = run_csat("config", "check", CSAT_SECRET_KEY="x" * 16, **texts)
    assert done.returncode == 0
    assert "en=How was it?|de=Wie war es?" in done.stdout
    assert (
        "! CSAT_RATING_QUESTION leaves out fr, es, pt-BR, ja, ar: they keep our own wording."
        in done.stdout
    )


def test_all_is_shown_and_then_refused_where_the_secret_key_is_missing():
    done = run_csat("config", "check")
    assert done.returncode == 1
    assert "CSAT_SECRET_KEY " in done.stdout
    assert "! Without CSAT_POSTHOG_KEY" in done.stdout
    assert done.stderr.startswith("csat: CSAT_SECRET_KEY is not set. Make one with")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("CSAT_ACCENT", "1.47 to 1 with the light page"), ("CSAT_ACCENT_DARK", "write a colour")],
)
def test_a_bad_colour_stops_the_start_with_the_reason(name, reason):
    colour = "#f9bd2b" if name == "CSAT_ACCENT" else "light blue"
    done = run_csat("serve", **{name: colour, "CSAT_SECRET_KEY": "x"})
    assert done.returncode == 1
    assert f"{name}: " in done.stderr
    assert reason in done.stderr


def test_what_is_only_a_default_is_said_to_be_one(tmp_path):
    (tmp_path / ".env").write_text("CSAT_SURVEY_ID=\nCSAT_NAME=Ada\n")
    lines = run_csat("config", "check", CSAT_TIMEZONE="", CSAT_EDIT_WINDOW="7d").stdout.splitlines()
    origins = {
        setting.split()[0]: about.split()[0]
        for setting, about in pairwise(lines)
        if setting.startswith("CSAT_")
    }
    assert {name for name, origin in origins.items() if origin == "(set)"} == {
        "CSAT_NAME",
        "CSAT_EDIT_WINDOW",
    }
    assert origins["CSAT_TIMEZONE"] == origins["CSAT_SURVEY_ID"] == "(default)"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"CSAT_LINK_SECRET": "abc"}, "CSAT_LINK_SECRET holds a secret of under 16 characters"),
        ({"CSAT_LINK_SECRET": f"{'x' * 40},abc"}, "CSAT_LINK_SECRET holds a secret of under 16"),
        ({"CSAT_BASE_URL": "https://a.co/csat"}, "CSAT_BASE_URL has the path /csat"),
        ({"CSAT_BASE_URL": "https://survey.example.com"}, "CSAT_BASE_URL is an example"),
        ({}, "CSAT_BASE_URL is https, so a proxy stands before the site"),
        ({"CSAT_BASE_URL": ""}, "CSAT_BASE_URL is not set: links lead to http://127.0.0.1:8000"),
    ],
)
@pytest.mark.parametrize("command", ["config check", "serve --host nowhere.invalid"])
def test_what_works_but_is_a_risk_is_said(command, given, told):
    settings = {"CSAT_SECRET_KEY": "x" * 16, "CSAT_BASE_URL": "https://a.co", **given}
    done = run_csat(*command.split(), **settings)
    assert f"{told}" in done.stdout + done.stderr


def test_nothing_is_said_of_settings_that_are_well():
    done = run_csat(
        "config",
        "check",
        CSAT_SECRET_KEY="x" * 16,
        CSAT_LINK_SECRET="y" * 16,
        CSAT_BASE_URL="https://survey.posthog.com",
        CSAT_TRUSTED_PROXIES="1",
        CSAT_POSTHOG_KEY="phc_x",
        CSAT_SURVEY_ID="s",
    )
    assert (done.returncode, done.stdout.count("!")) == (0, 0)


@pytest.mark.parametrize(
    ("setting", "value", "advice"),
    [
        ("CSAT_SECRET_KEY", "a", "token_urlsafe"),
        ("CSAT_POSTHOG_KEY", "phx_hunter2", "begins with phc_"),
        ("CSAT_POSTHOG_PERSONAL_KEY", "phc_hunter2", "begins with phx_"),
        ("CSAT_BASE_URL", "https://a.co/?team=b", "without what begins with ?"),
        ("CSAT_BASE_URL", " ", "write a whole address"),
    ],
)
@pytest.mark.parametrize("command", ["config check", "serve"])
def test_a_wrong_value_is_refused_with_what_to_do(command, setting, value, advice):
    done = run_csat(*command.split(), **{setting: value})
    assert done.returncode == 1
    assert f"{setting}: " in done.stderr
    assert advice in done.stderr
    assert "hunter2" not in done.stderr
