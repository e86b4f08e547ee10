"""What the store refuses of strangers: too many answers to a ticket, too many new tickets a day."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from survey.events import Questions
from survey.links import parse_link
from survey.months import Month
from survey.receive import Arrival, Submission, receive, receive_all
from survey.refusals import Refused
from survey.store.daily_figures import figures_of_day
from survey.store.models import AnswerRow
from survey.vocabulary import DailyFigure, Trust
from survey.voiding import void
from tests.support.help_desk import Invitations, ticket_update
from tests.support.many_answers import add_many
from tests.support.rows import rows

NOON = datetime(2026, 10, 14, 12, tzinfo=UTC)


@pytest.fixture
def settings(settings):
    return settings.model_copy(
        update={"stranger_answers_per_ticket": 3, "unverified_tickets_per_day": 5}
    )


def form(person="jane", ticket="42", rating=5, trust=Trust.UNVERIFIED, submit_id=None):
    link = parse_link({"ticketId": ticket, "distinct_id": person, "team": "surveys"})
    return Submission(link, trust, rating, None, submit_id, Questions("?"))


def sent(database, settings, *forms, at=NOON):
    """Whether each of these is taken, or which limit refuses it."""
    received = receive_all(database, settings, [Arrival(each, at) for each in forms])
    return [each.figure if isinstance(each, Refused) else "taken" for each in received]


class TestStrangers:
    def test_a_ticket_takes_so_many_answers_of_theirs(self, database, settings):
        assert sent(database, settings, form()) == ["taken"]
        strangers = [form(f"eve-{n}") for n in range(5)]
        refused = DailyFigure.REFUSED_STRANGER
        assert sent(database, settings, *strangers) == ["taken"] * 3 + [refused] * 2
        # One that was taken is taken again: it is a repeat.
        assert len(rows(database, AnswerRow)) == 4
        with pytest.raises(Refused) as error:
            receive(database, settings, form("eve-9"), NOON)
        assert error.value.wait is None

    def test_the_customer_and_whoever_is_trusted_more_are_never_refused(self, database, settings):
        sent(database, settings, form(), *(form(f"eve-{n}") for n in range(3)))
        edits = [form(rating=1 + n % 5) for n in range(10)]
        assert sent(database, settings, *edits) == ["taken"] * 10
        trusted = [form("ann", trust=Trust.SIGNED), form("bob", trust=Trust.KNOWN)]
        assert sent(database, settings, *trusted) == ["taken"] * 2
        # Jane is a stranger now, because the ticket is Ann's. Ann's unsigned answers are her own.
        assert sent(database, settings, form("ann"), form()) == [
            "taken",
            DailyFigure.REFUSED_STRANGER,
        ]

    def test_a_repeat_of_what_was_taken_is_taken(self, database, settings):
        again = form("eve", submit_id="again")
        sent(database, settings, form(), again, form("eve-1"), form("eve-2"))
        assert sent(database, settings, again) == ["taken"]

    def test_those_of_a_void_ticket_are_limited(self, database, settings):
        sent(database, settings, form())
        void(database, settings, "42", "a test", NOON)
        strangers = [form(f"eve-{n}") for n in range(4)]
        assert sent(database, settings, *strangers).count("taken") == 3
        assert sent(database, settings, form(rating=1)) == ["taken"]

    def test_those_of_a_ticket_that_does_not_count_are_limited(self, database, settings):
        excluding = settings.model_copy(update={"unverified_excluded_from": Month(2026, 10)})
        sent(database, excluding, form())
        strangers = [form(f"eve-{n}") for n in range(4)]
        assert sent(database, excluding, *strangers).count("taken") == 3
        assert sent(database, excluding, form(rating=1)) == ["taken"]

    @pytest.mark.parametrize("customer", ["aaa", "person-1", "zzz"])
    def test_they_are_found_among_very_many_of_the_customers_own(
        self, database, settings, customer
    ):
        add_many(database, 400, person=f"'{customer}'")
        strangers = [form(f"eve-{n}") for n in range(5)]
        at = NOON + timedelta(hours=1)
        assert sent(database, settings, *strangers, at=at).count("taken") == 3
        assert sent(database, settings, form(customer), at=at) == ["taken"]

    def test_processes_together_take_no_more(self, database, settings):
        sent(database, settings, form())
        taken = []

        def send(number):
            taken.extend(sent(database, settings, form(f"eve-{number}")))

        threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(taken), taken.count("taken")) == (8, 3)


class TestMadeUpTickets:
    def test_are_not_those_that_the_help_desk_told_us_of(self, database, settings, clock):
        told = [ticket_update(str(n), requester_external_id="") for n in range(8)]
        Invitations(database, settings, clock).tell(*told)
        answers = [form(f"jane-{n}", str(n)) for n in range(8)]
        assert sent(database, settings, *answers) == ["taken"] * 8
        with database.reading() as connection:
            assert not any(figures_of_day(connection, NOON.date()).values())

    def figures(self, database, at=NOON):
        with database.reading() as connection:
            return figures_of_day(connection, at.date())

    def test_a_day_takes_so_many_and_counts_them(self, database, settings):
        refused = DailyFigure.REFUSED_DAY
        tickets = [form(ticket=str(n)) for n in range(7)]
        assert sent(database, settings, *tickets) == ["taken"] * 5 + [refused] * 2
        assert sent(database, settings, form(ticket="another")) == [refused]
        assert len(rows(database, AnswerRow)) == 5
        assert self.figures(database)[DailyFigure.UNVERIFIED_TICKETS] == 5

    def test_the_next_day_takes_them_and_a_refusal_says_when_that_is(self, database, settings):
        sent(database, settings, *(form(ticket=str(n)) for n in range(5)))
        with pytest.raises(Refused) as error:
            receive(database, settings, form(ticket="late"), NOON)
        assert error.value.wait == timedelta(hours=12)
        assert sent(database, settings, form(ticket="late"), at=NOON + error.value.wait) == [
            "taken"
        ]

    def test_known_signed_and_answered_tickets_are_never_refused(self, database, settings):
        tickets = [form(ticket=str(n)) for n in range(5)]
        sent(database, settings, *tickets)
        trusted = [form(ticket="6", trust=Trust.SIGNED), form(ticket="7", trust=Trust.KNOWN)]
        assert sent(database, settings, *trusted, *tickets) == ["taken"] * 7
        edit = replace(tickets[0], rating=1)
        assert sent(database, settings, edit) == ["taken"]
        assert self.figures(database)[DailyFigure.UNVERIFIED_TICKETS] == 5

    def test_a_refused_form_counts_when_it_is_sent_again(self, database, settings):
        sent(database, settings, *(form(ticket=str(n)) for n in range(5)))
        late = form(ticket="late", submit_id="the same")
        assert sent(database, settings, late) == [DailyFigure.REFUSED_DAY]
        tomorrow = NOON + timedelta(days=1)
        assert sent(database, settings, late, late, at=tomorrow) == ["taken"] * 2
        assert self.figures(database, tomorrow)[DailyFigure.UNVERIFIED_TICKETS] == 1
