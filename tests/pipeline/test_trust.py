"""What events claim of their link trust: where a secret is set, they must prove it, everywhere."""

import json

import pytest
import requests
from sqlalchemy import select

from demo.standin_access import PERSONAL_KEY, PROJECT_ID
from pipeline.commands.options import read_rules
from pipeline.importing import import_events
from pipeline.sources.base import TRUST_IS_BELIEVED, trust_is_believed
from pipeline.sources.export import ExportSource
from pipeline.sources.posthog import PostHogSource
from pipeline.sources.store import StoreSource
from survey.counting_rules import CountingRules
from survey.link_proofs import make_proof
from survey.months import Month
from survey.rederive import apply_rules
from survey.store.models import AnswerRow, ResponseRow
from survey.vocabulary import Trust
from tests.support.command import run_csat
from tests.support.events import NOON, make_event, write_jsonl, write_parquet
from tests.support.settings import make_settings

OCTOBER = Month(2026, 10)
OLD, NEW = "the old secret of a site", "the new secret of a site"
UUIDS = [f"0192f1a4-0000-7000-8000-00000000000{number}" for number in range(3)]
BOTH = f"{NEW},{OLD}"


def prove(event, secret):
    """The event as a site with this secret sends it."""
    properties = event["properties"]
    proof = make_proof(
        uuid=event["uuid"],
        ticket_id=properties["ticketId"],
        distinct_id=event["distinct_id"],
        rating=int(properties["$survey_response"]),
        trust=Trust(properties["link_trust"]),
        secret=secret,
    )
    return {**event, "properties": {**properties, "link_proof": proof}}


def comment(text, **given):
    return {"$survey_response_1": text, **given}


EVENTS = [
    make_event(UUIDS[0], distinct_id="eve", **comment("forged", link_trust="signed")),
    prove(
        make_event(
            UUIDS[1],
            at=NOON.replace(hour=13),
            distinct_id="ann",
            **comment("mine", link_trust="known"),
        ),
        OLD,
    ),
]


@pytest.fixture
def posthog_settings(posthog):
    batch = [{**event, "timestamp": event["timestamp"].isoformat()} for event in EVENTS]
    body = json.dumps({"api_key": "phc_test", "batch": batch})
    assert requests.post(f"{posthog.url}/batch/", data=body, timeout=5).ok
    return {
        "posthog_app_host": posthog.url,
        "posthog_project_id": PROJECT_ID,
        "posthog_personal_key": PERSONAL_KEY,
    }


def shown(source):
    comments = source.count_month(OCTOBER, OCTOBER, lambda _read: None).comments
    return list(comments[["comment", "link_trust"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        (BOTH, ("mine", "known")),
        (OLD, ("mine", "known")),
        (NEW, ("forged", "unverified")),
        ((), ("forged", "signed")),
    ],
)
def test_every_source_believes_a_proof_alone(
    database, tmp_path, posthog_settings, secrets, expected
):
    configured = make_settings(secret_key=secrets, **posthog_settings)
    rules = read_rules(configured, database)
    by_lines = ExportSource(str(write_jsonl(tmp_path / "e.jsonl", EVENTS)), rules)
    by_columns = ExportSource(str(write_parquet(tmp_path / "e.parquet", EVENTS)), rules)
    by_query = PostHogSource(configured, rules)
    # The store was filled by other secrets, and is not derived anew yet.
    import_events(by_lines, CountingRules.of(make_settings()), database, lambda _read: None)
    before = StoreSource(database, rules)
    assert [shown(each) for each in (by_lines, by_columns, by_query, before)] == [[expected]] * 4
    apply_rules(database, rules)
    assert shown(StoreSource(database, rules)) == [expected]


def test_imported_answers_are_judged_again_when_the_secrets_change(database, tmp_path):
    export = write_jsonl(tmp_path / "e.jsonl", EVENTS)

    def trusts():
        with database.reading() as connection:
            return list(
                connection.scalars(select(AnswerRow.link_trust).order_by(AnswerRow.answered_at))
            )

    found = []
    for secrets in (NEW, BOTH, (), OLD, NEW):
        rules = CountingRules.of(make_settings(secret_key=secrets))
        apply_rules(database, rules)
        import_events(ExportSource(str(export), rules), rules, database, lambda _read: None)
        found.append(trusts())
    assert found == [
        ["unverified", "unverified"],
        ["unverified", "known"],
        ["signed", "known"],
        ["unverified", "known"],
        ["unverified", "unverified"],
    ]
    with database.reading() as connection:
        assert connection.scalars(select(ResponseRow.distinct_id)).all() == ["eve"]


def test_the_trust_of_the_stores_answers_is_certain(database):
    configured = make_settings(secret_key=())
    source = StoreSource(database, CountingRules.of(configured))
    assert not trust_is_believed(source, configured)


class TestCommands:
    @pytest.fixture
    def csat(self, tmp_path):
        def csat(*arguments, **given):
            configured = {"CSAT_DATABASE_URL": f"sqlite:///{tmp_path}/csat.db", **given}
            done = run_csat(*arguments, **configured)
            assert done.returncode == 0, done.stderr
            return done.stdout

        return csat

    def test_they_say_where_trust_is_believed(self, csat, tmp_path):
        export = f"export:{write_jsonl(tmp_path / 'e.jsonl', EVENTS)}"
        aggregate = ("aggregate", "--source", export, "--out", str(tmp_path / "counts.csv"))
        report = ("report", "--month", "2026-10", "--source", export, "--out", str(tmp_path / "r"))
        page = tmp_path / "r" / "report.html"
        for command in (aggregate, report, ("import", export)):
            assert TRUST_IS_BELIEVED in csat(*command)
        assert "Link trust is believed." in page.read_text()
        assert TRUST_IS_BELIEVED not in csat(*report, CSAT_SECRET_KEY=BOTH)
        assert "Link trust is believed." not in page.read_text()
