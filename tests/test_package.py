"""The package as it is installed: everything that the program reads is in it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.command import ROOT

NEEDED = (
    "csat.py",
    "wsgi.py",
    "survey/templates/question.html",
    "demo/templates/standin.html",
    "survey/static/survey.css",
    "survey/static/survey.js",
    "survey/templates/mail/body.html",
    "survey/templates/messages/alert.html",
    "survey/translations/pt_BR/LC_MESSAGES/messages.mo",
    "survey/store/migrations/env.py",
    "survey/store/migrations/versions/0001_answers_responses_outbox.py",
    "pipeline/sources/export.py",
    "reports/templates/report.html",
    "reports/templates/report.css",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """The wheel, built from a copy of what git knows and would know."""
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(lambda name: (ROOT / name).is_file(), listed.stdout.splitlines()):
        copy = source / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(source), str(source)], check=True)
    (built,) = source.glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.mark.parametrize("name", NEEDED)
def test_the_wheel_holds(wheel, name):
    assert name in wheel.namelist()


def test_the_wheel_holds_no_tests_and_no_data(wheel):
    tops = {Path(name).parts[0] for name in wheel.namelist()}
    assert tops - {"csat.py", "wsgi.py", "survey", "pipeline", "reports", "demo"} == {
        next(name for name in tops if name.endswith(".dist-info"))
    }


def test_the_wheel_installs_the_command(wheel):
    (entry_points,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "csat = csat:main" in wheel.read(entry_points).decode()
