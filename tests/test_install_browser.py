"""`tests/install-browser` on a machine where a program or a library is missing."""

import shutil
import subprocess

import pytest

from tests.support.command import ROOT

# It installs what the driver lacks, and notes the package.
APT_GET = """
for package; do :; done
case " $* " in *" install "*) echo "$package" >> {folder}/installed; touch {folder}/$package ;; esac
"""


@pytest.fixture
def install(tmp_path):
    """Run the script where these programs exist, and the driver needs this file to start."""

    def make_program(name, script):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return program

    def install(needed, programs=("chromium", "java", "apt-get")):
        scripts = {"apt-get": APT_GET.format(folder=tmp_path)}
        for name in programs:
            make_program(name, scripts.get(name, "true"))
        # The programs that the scripts themselves use.
        for name in ("sh", "dirname", "id", "env", "touch"):
            (tmp_path / name).symlink_to(shutil.which(name))
        make_program("sudo", 'exec "$@"')
        driver = make_program("playwright", f"test -e {tmp_path}/{needed}")
        done = subprocess.run(
            [ROOT / "tests/install-browser", driver],
            env={"PATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        log = tmp_path / "installed"
        return done, log.read_text().split() if log.exists() else []

    return install


def test_installs_nothing_where_nothing_is_missing(install):
    done, packages = install("java")
    assert (done.returncode, packages) == (0, [])


def test_installs_the_library_without_which_the_driver_does_not_start(install):
    done, packages = install("libatomic1")
    assert (done.returncode, packages) == (0, ["libatomic1"])


def test_installs_programs_that_are_missing(install):
    done, packages = install("apt-get", programs=("apt-get",))
    assert (done.returncode, packages) == (0, ["chromium", "default-jre-headless"])


def test_fails_where_the_driver_still_does_not_start(install):
    done, packages = install("something-else")
    assert (done.returncode, packages) == (1, ["libatomic1"])


def test_names_the_library_where_there_is_no_apt(install):
    done, _ = install("libatomic1", programs=("chromium", "java"))
    assert done.returncode == 1
    assert "'libatomic.so.1' is needed; please install it." in done.stderr
