"""The arrows of the house: who may import whom. Read from the source, not believed."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PACKAGES = ("survey", "pipeline", "reports", "demo")

# What `pipeline` and `reports` may know of `survey`: the store, pure modules, and what derives the
# responses anew before an import.
SHARED = (
    "survey.addresses",
    "survey.bearer",
    "survey.clients",
    "survey.clock",
    "survey.colours",
    "survey.copies",
    "survey.counting_rules",
    "survey.doctor.findings",
    "survey.durations",
    "survey.erasures",
    "survey.errors",
    "survey.event_values",
    "survey.languages",
    "survey.ledger",
    "survey.ledger_chain",
    "survey.link_proofs",
    "survey.logs",
    "survey.messages.mails",
    "survey.messages.plain_text",
    "survey.messages.worker",
    "survey.months",
    "survey.periods",
    "survey.private_files",
    "survey.progress",
    "survey.pseudonyms",
    "survey.query_encoding",
    "survey.recipients",
    "survey.rederive",
    "survey.request_ids",
    "survey.response_headers",
    "survey.retries",
    "survey.rules",
    "survey.scale",
    "survey.settings",
    "survey.signing_keys",
    "survey.store",
    "survey.teams",
    "survey.tickets",
    "survey.vocabulary",
    "survey.words",
)

# The rules that take time, data and network as arguments or not at all.
PURE = (
    "addresses",
    "languages",
    "scale",
    "teams",
    "months",
    "periods",
    "query_encoding",
    "response_headers",
    "links",
    "rules",
    "counting_rules",
    "events",
    "event_values",
    "erasures",
    "link_proofs",
    "pseudonyms",
    "site/form",
    "copies",
    "clients",
    "outbox_payloads",
    "refusals",
    "durations",
    "ledger",
    "erasures",
    "erasing/events",
    "erasing/target",
    "erasing/words",
    "link_proofs",
    "pseudonyms",
    "ledger_chain",
    "setting_values",
    "signing_keys",
    "vocabulary",
    "words",
    "recipients",
    "doctor/findings",
    "doctor/judging",
    "doctor/judging_machine",
    "doctor/judging_operation",
    "doctor/judging_services",
    "tickets",
    "backups/names",
    "delivery/answer",
    "delivery/answer_v1",
    "delivery/capture_v1",
    "delivery/failures",
    "delivery/protocols",
    "messages/plain_text",
    "messages/alerts",
    "invitations/deciding",
    "invitations/mail",
    "invitations/payload",
    "invitations/tokens",
    "differences",
    "posthog/errors",
    "posthog/hogql",
    "posthog/note",
    "posthog/planning",
    "posthog/wanted",
    "posthog/wording",
    "zendesk/errors",
    "zendesk/export",
    "zendesk/notes",
    "zendesk/rules",
    "zendesk/signature",
    "zendesk/tickets",
    "zendesk/values",
    "zendesk/webhook",
)
IMPURE_MODULES = ("socket", "requests", "sqlalchemy", "flask", "pandas", "os", "pathlib", "random")


def modules_of(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def is_within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def offences(paths: Iterator[Path], forbidden: tuple[str, ...]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in paths
        for module in imports_of(path)
        if is_within(module, forbidden)
    ]


def test_survey_imports_neither_pandas_nor_another_package():
    assert not offences(modules_of("survey"), ("pandas", "pipeline", "reports", "demo"))


def test_pipeline_does_not_import_reports_and_knows_no_html():
    assert not offences(
        modules_of("pipeline"), ("reports", "demo", "jinja2", "markupsafe", "flask")
    )


@pytest.mark.parametrize("package", ["pipeline", "reports"])
def test_of_survey_only_the_store_and_pure_modules_are_known(package):
    unknown = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in modules_of(package)
        for module in imports_of(path)
        if is_within(module, ("survey",)) and not is_within(module, SHARED)
    ]
    assert not unknown


@pytest.mark.parametrize("name", PURE)
def test_pure_rules_touch_no_clock_network_or_database(name):
    path = ROOT / "survey" / f"{name}.py"
    assert not offences(iter([path]), (*IMPURE_MODULES, "survey.clock"))
    assert ".now(" not in path.read_text(encoding="utf-8")


def test_tables_are_defined_in_the_store_alone():
    defining = [
        path
        for path in modules_of(*PACKAGES)
        if "__tablename__" in path.read_text(encoding="utf-8")
    ]
    assert [path.relative_to(ROOT) for path in defining] == [Path("survey/store/models.py")]


def test_only_the_clock_reads_the_time_of_day():
    reading = [
        str(path.relative_to(ROOT))
        for path in modules_of(*PACKAGES)
        if any(call in path.read_text(encoding="utf-8") for call in ("datetime.now", ".utcnow"))
    ]
    assert reading == ["survey/clock.py"]


def test_the_entry_points_import_reports_only_when_asked():
    for name in ("wsgi.py", "csat.py"):
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        at_the_top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
        imported = {ast.unparse(node) for node in at_the_top}
        packages = ("from reports", "import reports", "from pipeline", "import pipeline")
        assert not [line for line in imported if line.startswith(packages)]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def runtime_imports_of(path: Path, known: set[str]) -> set[str]:
    """The modules of ours that a file imports, wherever in it, but those for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    names = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in for_types
        for alias in node.names
        for name in (f"{node.module}.{alias.name}", node.module)
    }
    return names & known


def test_no_modules_import_each_other_in_a_circle():
    paths = {module_name(path): path for path in modules_of(*PACKAGES)}
    imports = {name: runtime_imports_of(path, set(paths)) for name, path in paths.items()}
    # A package is no part of a circle: it imports nothing.
    while leaves := {name for name, found in imports.items() if not found}:
        imports = {name: found - leaves for name, found in imports.items() if name not in leaves}
    assert imports == {}
