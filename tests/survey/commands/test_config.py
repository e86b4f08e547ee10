"""`csat config check`: texts by language, colours, and what they lack."""

import pytest

from tests.support.command import run_csat


def test_texts_are_shown_as_they_are_written_and_what_they_leave_out_is_said():
    done = run_csat("config", "check", CSAT_RATING_QUESTION="How was it?|de=Wie war es?")
    assert done.returncode == 0
    assert "en=How was it?|de=Wie war es?" in done.stdout
    assert (
        "! CSAT_RATING_QUESTION leaves out fr, es, pt-BR, ja, ar: they keep our own wording."
        in done.stdout
    )


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
