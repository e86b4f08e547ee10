"""What stands in deploy/ fits the program: its settings, commands, options, port and files.

No container engine and no cluster runs here, and `make test` needs no proxy and no systemd, so the
files are read.
"""

import ast
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
import yaml

import csat
from survey.settings import Settings, variable
from tests.support.command import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
PORT = 8000
# Variables of our own that are no settings: compose fills in the password.
NO_SETTINGS = {"CSAT_DATABASE_PASSWORD"}


def documents(path):
    return [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each]


def of_kind(kind):
    return [each for path in MANIFESTS for each in documents(path) if each["kind"] == kind]


def pods():
    """Each pod of the manifests, by name."""
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for kind in ("Deployment", "Job")
        for each in of_kind(kind)
    }


def services():
    return documents(DEPLOY / "compose.yaml")[0]["services"]


def unit_values(path, name):
    """All values of an option of a unit."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def image_command():
    """What the image runs without other arguments."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    (entry,) = re.findall(r"^ENTRYPOINT (.+)$", text, re.MULTILINE)
    (arguments,) = re.findall(r"^CMD (.+)$", text, re.MULTILINE)
    assert ast.literal_eval(entry) == ["csat"]
    return ast.literal_eval(arguments)


def all_commands():
    """Where each `csat` command of deploy/ stands, and its arguments."""
    yield "Dockerfile", image_command()
    for path in UNITS:
        for value in unit_values(path, "ExecStart"):
            program, *arguments = shlex.split(value)
            assert program == "/opt/csat/bin/csat"
            yield path.name, arguments
    for name, service in services().items():
        if service["image"] == "csat":
            yield f"compose: {name}", service["command"]
    for name, pod in pods().items():
        (container,) = pod["containers"]
        yield f"kubernetes: {name}", container["args"]


@pytest.mark.parametrize(("place", "arguments"), list(all_commands()), ids=str)
def test_each_command_exists_with_its_options(place, arguments):
    command: click.Command = csat.cli
    context = click.Context(command, info_name="csat")
    rest = list(arguments)
    while isinstance(command, click.Group):
        name, command, rest = command.resolve_command(context, rest)
        assert command is not None, place
        context = click.Context(command, info_name=name, parent=context)
    # Raises click.UsageError for an option that there is not.
    command.make_context(command.name, rest).close()


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.*")), ids=lambda path: path.name)
def test_each_setting_that_is_named_exists(path):
    if path.is_dir():
        return
    known = {variable(name) for name in Settings.model_fields} | NO_SETTINGS
    named = set(re.findall(r"CSAT_[A-Z0-9_]+", path.read_text(encoding="utf-8")))
    assert named <= known


def test_everything_speaks_of_one_port():
    def port_of(arguments):
        return int(arguments[arguments.index("--port") + 1])

    serving = [arguments for _, arguments in all_commands() if arguments[0] == "serve"]
    assert {port_of(each) for each in serving} == {PORT}
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert f"EXPOSE {PORT}" in dockerfile
    assert f"http://127.0.0.1:{PORT}/healthz" in dockerfile
    nginx = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert f"\n    server 127.0.0.1:{PORT} " in nginx
    caddy = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    assert f"SITE_UPSTREAMS:127.0.0.1:{PORT}}}" in caddy
    upstreams = services()["caddy"]["environment"]["SITE_UPSTREAMS"].split()
    assert [urlsplit(f"//{each}").port for each in upstreams] == [PORT, PORT]
    assert all(urlsplit(f"//{each}").hostname in services() for each in upstreams)
    (container,) = pods()["csat-site"]["containers"]
    assert [each["containerPort"] for each in container["ports"]] == [PORT]


def test_no_proxy_hands_out_figures_or_logs_the_query():
    nginx = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert re.search(r"location = /metrics \{\s*return 404;", nginx)
    (log_format,) = re.findall(r"^log_format csat '(.+)';$", nginx, re.MULTILINE)
    assert not {"$request ", "$request_uri", "$args", "$query_string"} & set(log_format.split())
    assert "$uri" in log_format
    # What the client says of itself is not passed on.
    assert "X-Forwarded-For $remote_addr;" in nginx
    caddy = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    assert "@internal path /metrics" in caddy
    assert not re.search(r"^\s*log\b", caddy, re.MULTILINE)
    assert "header_up X-Forwarded-For {remote_host}" in caddy


def test_each_place_says_how_many_proxies_there_are():
    assert services()["site-1"]["environment"]["CSAT_TRUSTED_PROXIES"] == "1"
    (settings,) = of_kind("ConfigMap")
    assert settings["data"]["CSAT_TRUSTED_PROXIES"] == "1"


def test_the_settings_of_the_manifests_are_settings_that_hold(monkeypatch):
    (settings,) = of_kind("ConfigMap")
    for name, value in settings["data"].items():
        monkeypatch.setenv(name, value)
    assert Settings(_env_file=None).rate_limit_storage == "database"
    assert not any("SECRET" in name or "KEY" in name for name in settings["data"])


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_each_unit_is_hardened(path):
    expected = {
        "User": "csat",
        "NoNewPrivileges": "true",
        "ProtectSystem": "strict",
        "ProtectHome": "true",
        "PrivateTmp": "true",
        "CapabilityBoundingSet": "",
        "UMask": "0077",
        "StateDirectoryMode": "0700",
    }
    assert {name: unit_values(path, name) for name in expected} == {
        name: [value] for name, value in expected.items()
    }
    # Where it writes, is its own.
    assert unit_values(path, "WorkingDirectory") == ["/var/lib/csat"]
    assert unit_values(path, "StateDirectory")[0].split()[0] == "csat"


def test_the_timer_starts_the_backup():
    assert (DEPLOY / "systemd/csat-backup.timer").is_file()
    command = unit_values(DEPLOY / "systemd/csat-backup.service", "ExecStart")[0].split()
    assert command[1:3] == ["backup", "/var/lib/csat-backups"]
    (folders,) = unit_values(DEPLOY / "systemd/csat-backup.service", "StateDirectory")
    assert "csat-backups" in folders.split()


def test_no_container_is_root_or_writes_into_its_image():
    for name, pod in pods().items():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["automountServiceAccountToken"] is False, name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        places = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
        assert {"/tmp", "/data"} <= set(places), name
        assert set(places.values()) == {each["name"] for each in pod["volumes"]}, name
        assert container["envFrom"] == [
            {"configMapRef": {"name": "csat"}},
            {"secretRef": {"name": "csat"}},
        ], name
    for name, service in services().items():
        if name != "database":
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name
    assert re.search(r"^USER \d+:\d+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)


def test_the_cluster_asks_the_pages_that_answer_for_that():
    (container,) = pods()["csat-site"]["containers"]
    asked = {name: container[f"{name}Probe"]["httpGet"] for name in ("liveness", "readiness")}
    assert asked == {
        "liveness": {"path": "/healthz", "port": "http"},
        "readiness": {"path": "/readyz", "port": "http"},
    }
    (budget,) = of_kind("PodDisruptionBudget")
    (site,) = [each for each in of_kind("Deployment") if each["metadata"]["name"] == "csat-site"]
    assert budget["spec"]["selector"] == site["spec"]["selector"]
    assert site["spec"]["replicas"] > budget["spec"]["minAvailable"]
    assert site["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_a_stop_leaves_time_to_answer():
    from survey.serving.supervisor import GRACE_SECONDS

    (seconds,) = map(int, unit_values(DEPLOY / "systemd/csat.service", "TimeoutStopSec"))
    assert seconds > GRACE_SECONDS
    assert int(services()["site-1"]["stop_grace_period"].removesuffix("s")) > GRACE_SECONDS
    pod = pods()["csat-site"]
    waits = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > waits + GRACE_SECONDS


def test_the_image_is_built_from_hashes_and_of_files_that_are_there():
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert text.count("--require-hashes") == 2
    lock = (ROOT / "requirements-test.lock").read_text(encoding="utf-8")
    assert re.search(r"^setuptools==\S+ \\\n +--hash=", lock, re.MULTILINE)
    kept = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    assert all((ROOT / each).exists() for each in kept)
    for copied in re.findall(r"^COPY (requirements.+) \./$", text, re.MULTILINE):
        assert set(copied.split()) <= set(kept)
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"bench", "tests"} <= set(kept)


def test_what_was_not_run_says_so():
    for path in (DEPLOY / "Dockerfile", DEPLOY / "compose.yaml"):
        assert "Not run by our tests" in path.read_text(encoding="utf-8")
    assert "Not run by our tests" in Path(DEPLOY, "kubernetes/namespace.yaml").read_text()
