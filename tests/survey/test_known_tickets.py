"""Trust by ticket: an unsigned link is `known` if the help desk says that the ticket is theirs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from pipeline.importing import AnswerImport
from survey.counting_rules import CountingRules
from survey.events import Questions
from survey.links import judge_link, judge_requester, parse_link, sign_link
from survey.outbox_payloads import unpack_event
from survey.page_views import PageView, receive_page_views
from survey.receive import Arrival, Submission, receive, receive_all
from survey.rules import decide
from survey.settings import Settings
from survey.site.app import create_app
from survey.site.ticket_state import find_ticket_state
from survey.store.database import Database
from survey.store.migrate import upgrade
from survey.store.models import AnswerRow, OutboxRow, ResponseRow
from survey.store.responses import answers_of_tickets, find_responses
from survey.store.tickets import save_updates
from survey.vocabulary import Outcome, TicketStatus, Trust
from survey.zendesk.tickets import TicketUpdate
from tests.conftest import on_sqlite
from tests.support.clock import Clock
from tests.support.events import as_imported
from tests.support.examples import examples
from tests.support.pages import Page, address
from tests.support.rows import rows
from tests.support.settings import make_settings

SECRET = "a secret for links"
QUESTIONS = Questions("How was it?", "Why?")


@pytest.fixture
def settings(database_url: str) -> Settings:
    return make_settings(database_url=database_url, link_secret=SECRET)


def tell(
    database: Database,
    settings: Settings,
    at: datetime,
    ticket: str = "42",
    requester: str | None = "jane",
) -> None:
    """The help desk tells whose a ticket is."""
    update = TicketUpdate(
        ticket_id=ticket,
        status=TicketStatus.SOLVED,
        updated_at=at,
        requester_external_id=requester,
        team="surveys",
    )
    with database.writing() as connection:
        save_updates(database, connection, [update], settings, at)


def submission(
    ticket: str = "42",
    person: str = "jane",
    rating: int = 5,
    submit_id: str | None = None,
    *,
    signed: bool = False,
) -> Submission:
    link = parse_link({"ticketId": ticket, "distinct_id": person, "team": "surveys"})
    if signed:
        link = parse_link({**link.parameters(), "sig": sign_link(link, SECRET)})
    trust = judge_link(link, (SECRET,))
    assert trust is not None
    return Submission(link, trust, rating, None, submit_id, QUESTIONS)


def events_of(database: Database) -> list[dict[str, object]]:
    return [unpack_event(row.payload) for row in rows(database, OutboxRow)]


@pytest.mark.parametrize(
    ("requester", "distinct_id", "proven", "trust"),
    [
        ("jane", "jane", Trust.UNVERIFIED, Trust.KNOWN),
        ("jane", "jane", Trust.SIGNED, Trust.SIGNED),
        ("jane", "Jane", Trust.UNVERIFIED, Trust.UNVERIFIED),
        ("jane", "eve", Trust.UNVERIFIED, Trust.UNVERIFIED),
        ("jane", "", Trust.UNVERIFIED, Trust.UNVERIFIED),
        (None, "jane", Trust.UNVERIFIED, Trust.UNVERIFIED),
        (None, "", Trust.UNVERIFIED, Trust.UNVERIFIED),
        # What stands for nobody is nobody, even if the help desk has a customer of that name.
        ("ticket:42", "", Trust.UNVERIFIED, Trust.UNVERIFIED),
    ],
)
def test_only_the_requester_of_the_ticket_is_known(requester, distinct_id, proven, trust):
    link = parse_link({"ticketId": "42", "distinct_id": distinct_id})
    assert judge_requester(link, proven, requester, ["secret"]) is trust


def test_the_answer_of_a_known_ticket_its_response_and_its_event_are_known(
    database, settings, clock
):
    tell(database, settings, clock())
    assert receive(database, settings, submission(), clock()).trust is Trust.KNOWN
    assert [row.link_trust for row in rows(database, AnswerRow)] == ["known"]
    assert [row.link_trust for row in rows(database, ResponseRow)] == ["known"]
    assert [each["properties"]["link_trust"] for each in events_of(database)] == ["known"]


def test_a_ticket_is_known_by_the_number_in_the_link_however_it_is_written(
    database, settings, clock
):
    tell(database, settings, clock())
    assert receive(database, settings, submission(ticket=" 42.0"), clock()).trust is Trust.KNOWN


def test_each_answer_of_a_group_has_the_trust_of_its_own_ticket(database, settings, clock):
    for ticket, requester in (("1", "jane"), ("2", "eve"), ("3", None), ("5", "jane")):
        tell(database, settings, clock(), ticket, requester)
    forms = [submission(str(number)) for number in range(1, 5)]
    forms.append(submission("5", signed=True))
    answers = receive_all(database, settings, [Arrival(form, clock()) for form in forms])
    assert [answer.trust.value for answer in answers] == [
        *("known", "unverified", "unverified", "unverified", "signed")
    ]


def test_trust_is_fixed_when_the_answer_is_received(database, settings, clock):
    form = submission(submit_id="s")
    receive(database, settings, form, clock())
    tell(database, settings, clock())
    clock.advance(minutes=1)
    assert receive(database, settings, form, clock()).trust is Trust.UNVERIFIED
    edit = submission(rating=2, submit_id="s")
    assert receive(database, settings, edit, clock()).trust is Trust.KNOWN
    tell(database, settings, clock(), requester="eve")
    assert [row.link_trust for row in rows(database, AnswerRow)] == ["unverified", "known"]


def test_the_requester_takes_the_ticket_over_from_a_stranger(database, settings, clock):
    tell(database, settings, clock())
    receive(database, settings, submission(person="eve", rating=1), clock())
    clock.advance(minutes=1)
    receive(database, settings, submission(), clock())
    clock.advance(minutes=1)
    receive(database, settings, submission(person="eve", rating=1), clock())
    (response,) = rows(database, ResponseRow)
    assert (response.distinct_id, response.rating) == ("jane", 5)


def test_a_signed_link_takes_the_ticket_over_from_the_requester(database, settings, clock):
    tell(database, settings, clock())
    receive(database, settings, submission(), clock())
    clock.advance(minutes=1)
    receive(database, settings, submission(person="ann", rating=3, signed=True), clock())
    (response,) = rows(database, ResponseRow)
    assert (response.distinct_id, response.rating) == ("ann", 3)


def test_a_page_view_has_the_trust_of_an_answer(database, settings, clock):
    tell(database, settings, clock())
    for number, person in enumerate(("jane", "eve")):
        form = submission(person=person)
        view = PageView(form.link, form.trust, f"page {number}", "en", clock())
        receive_page_views(database, settings, [view])
    assert [each["properties"]["link_trust"] for each in events_of(database)] == [
        *("known", "unverified")
    ]


class TestPages:
    """What the site shows to the requester, whose ticket a stranger has answered."""

    @pytest.fixture
    def client(self, settings: Settings, database: Database, clock: Clock) -> FlaskClient:
        receive(database, settings, submission(person="eve", rating=1), clock())
        clock.advance(minutes=1)
        return create_app(settings, database, clock).test_client()

    @staticmethod
    def thanks(client: FlaskClient, **link: str) -> str:
        page = Page(client.get(address(**link)).text)
        sent = client.post(page.action or "", data={**page.fields, "rating": "4"})
        return Page(client.get(sent.headers["Location"]).text).text

    @pytest.mark.usefixtures("client")
    def test_what_their_answer_would_be(self, database, settings, clock):
        form = submission()

        def outcome_now() -> Outcome:
            rules = CountingRules.of(settings)
            state = find_ticket_state(database, rules, form.link, form.trust, clock())
            assert state.own_response is None
            return state.outcome_now

        assert outcome_now() is Outcome.OTHER_PERSON
        tell(database, settings, clock())
        assert outcome_now() is Outcome.RESPONSE

    def test_their_answer_counts_and_can_be_changed(self, client, database, settings, clock):
        tell(database, settings, clock())
        assert "Your answer: Satisfied" in self.thanks(client)
        page = Page(client.get(address()).text)
        assert page.radios
        assert "You have already answered: Satisfied" in page.text
        clock.advance(days=8)
        page = Page(client.get(address()).text)
        assert not page.radios
        assert "Your answer: Satisfied" in page.text

    def test_the_stranger_is_one_again(self, client, database, settings, clock):
        assert "already answered" in Page(client.get(address(distinct_id="eve")).text).text
        tell(database, settings, clock())
        self.thanks(client)
        assert "already answered" not in Page(client.get(address(distinct_id="eve")).text).text


@on_sqlite
def test_the_store_is_asked_once_for_a_group_and_not_for_signed_links(database, settings, clock):
    asked = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: "FROM tickets" in statement and asked.append(statement),
    )

    def arrive(first: int, *, signed: bool) -> None:
        forms = [submission(str(first + n), signed=signed) for n in range(20)]
        receive_all(database, settings, [Arrival(form, clock()) for form in forms])

    arrive(100, signed=True)
    assert asked == []
    arrive(200, signed=False)
    assert len(asked) == 1


# The same answers give the same responses, by whatever door they come.


@dataclass(frozen=True)
class Told:
    """The help desk tells whose a ticket is."""

    ticket: int
    requester: str | None


@dataclass(frozen=True)
class Visit:
    """Somebody submits the form, so long after the step before."""

    ticket: int
    person: str
    signed: bool
    rating: int
    submit_id: str
    wait: timedelta


tickets = st.integers(1, 2)
persons = st.sampled_from(["ann", "bob", "robot", ""])
steps = st.one_of(
    st.builds(Told, tickets, persons.map(lambda person: person or None)),
    st.builds(
        Visit,
        ticket=tickets,
        person=persons,
        signed=st.booleans(),
        rating=st.integers(1, 5),
        submit_id=st.sampled_from(["a", "b"]),
        wait=st.sampled_from(
            [timedelta(0), timedelta(hours=1), timedelta(days=6), timedelta(hours=168)]
        ),
    ),
)
_examples = count()


@dataclass
class Stores:
    """A site's store, and one that imports what the site sends to PostHog."""

    settings: Settings
    site: Database
    importing: Database


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    folder = tmp_path_factory.mktemp("known")
    databases = [Database(f"sqlite:///{folder}/{name}.db") for name in ("site", "importing")]
    for database in databases:
        upgrade(database)
    settings = make_settings(link_secret=SECRET, test_distinct_ids="robot")
    yield Stores(settings, *databases)
    for database in databases:
        database.close()


def play(stores: Stores, run: int, played: list[Told | Visit]) -> dict[str, Trust]:
    """Do all that happens; the trust that each answer must have, by its uuid."""
    requesters: dict[str, str | None] = {}
    trusts: dict[str, Trust] = {}
    now = datetime(2026, 10, 14, 9, 30, tzinfo=UTC)
    for step in played:
        ticket = f"{run}-{step.ticket}"
        if isinstance(step, Told):
            tell(stores.site, stores.settings, now, ticket, step.requester)
            requesters[ticket] = step.requester
            continue
        now += step.wait
        form = submission(ticket, step.person, step.rating, step.submit_id, signed=step.signed)
        answer = receive(stores.site, stores.settings, form, now)
        is_requester = step.person != "" and requesters.get(ticket) == step.person
        unsigned = Trust.KNOWN if is_requester else Trust.UNVERIFIED
        # The same form again is the same answer, and keeps its trust.
        trusts.setdefault(answer.uuid, Trust.SIGNED if step.signed else unsigned)
    return trusts


def responses_in(database: Database, names: list[str]) -> dict[str, tuple[object, ...]]:
    with database.reading() as connection:
        found = find_responses(connection, names)
    return {
        name: (row.distinct_id, row.team, row.rating, row.link_trust, row.answered_at)
        for name, row in found.items()
    }


@hypothesis_settings(
    max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(played=st.lists(steps, min_size=1, max_size=12))
def test_the_trust_of_each_answer_decides_the_same_on_the_site_by_hand_and_in_an_import(
    stores: Stores, played: list[Told | Visit]
):
    run = next(_examples)
    names = [f"{run}-{ticket}" for ticket in (1, 2)]
    rules = CountingRules.of(stores.settings)
    trusts = play(stores, run, played)
    with stores.site.reading() as connection:
        answers = answers_of_tickets(connection, names)
        sent = select(OutboxRow.payload).where(OutboxRow.ticket_id.in_(names))
        events = [unpack_event(payload) for payload in connection.scalars(sent)]
    assert {each.uuid: each.trust for given in answers.values() for each in given} == trusts

    by_site = responses_in(stores.site, names)
    by_hand = {}
    for name, given_answers in answers.items():
        response = decide(given_answers, rules).response
        if response is not None:
            first, latest = response.first, response.latest
            by_hand[name] = (
                *(first.distinct_id, first.team, latest.rating, latest.trust, first.answered_at),
            )
    assert by_site == by_hand

    told = [{**e, "timestamp": datetime.fromisoformat(e["timestamp"])} for e in events]
    importing = AnswerImport(stores.importing, rules)
    importing.add([as_imported(each, rules) for each in told])
    assert responses_in(stores.importing, names) == by_site
