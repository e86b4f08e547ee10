"""The pages with numbers: what they show, that they agree, and that nothing is stale."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from survey.store.audit import list_entries
from survey.store.page_views import add_page_views
from survey.store.responses import save_applied_rules
from survey.vocabulary import Trust
from tests.support.examples import examples
from tests.support.given_answers import NOON, GivenAnswer, give
from tests.support.waits import WEDNESDAY, keep_ticket

AFTER = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script> {{7*7}} =1+1 \u202e" + "🦔" * 50


@pytest.fixture
def lead(person, clock):
    """A lead who has signed in."""
    clock.time = AFTER
    person.sign_in("lea")
    return person


def read_csv(answer):
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.text)))


def headline(page: str) -> int:
    """The responses that the page's headline shows."""
    found = re.search(r"Responses</a></dt>\s*<dd>(?:<a[^>]*>)?([\d,]+)", page)
    assert found is not None
    return int(found[1].replace(",", ""))


def test_the_first_page_leads_to_the_months(lead, database, settings):
    give(database, settings, GivenAnswer(), GivenAnswer(rating=2), GivenAnswer(at=AFTER))
    page = lead.client.get("/reports/").text
    assert page.index("/reports/2026-11") < page.index("/reports/2026-10")
    assert "50.0%" in page
    assert "so far" in page


def test_a_report_is_never_stale(lead, database, settings):
    give(database, settings, GivenAnswer(ticket_id="1"))
    assert headline(lead.client.get("/reports/2026-10").text) == 1
    give(database, settings, GivenAnswer(rating=1, comment="Never again"))
    page = lead.client.get("/reports/2026-10").text
    assert headline(page) == 2
    assert "Never again" in page
    assert 'href="/reports/donations/2026-10"' in page
    give(
        database, settings, GivenAnswer(ticket_id="1", comment="Once more", at=NOON + timedelta(1))
    )
    page = lead.client.get("/reports/2026-10").text
    assert headline(page) == 2
    assert "Once more" in page


def test_targets_are_a_table_like_the_others_and_obey_the_filter_for_teams(
    lead, database, settings
):
    assert lead.client.get("/reports/2026-10/targets.csv").status_code == 404
    assert "Response targets" not in lead.client.get("/reports/2026-10").text
    hour = timedelta(hours=1)
    for number, team in enumerate(("surveys", "experiments", "experiments")):
        keep_ticket(database, settings, f"t{number}", (WEDNESDAY, WEDNESDAY + hour), team=team)
    keep_ticket(database, settings, "t4", (WEDNESDAY, None))

    def get(path, **query):
        answer = lead.client.get(f"/reports/{path}", query_string=query)
        assert answer.status_code == 200
        return answer

    rows = read_csv(get("2026-10/targets.csv"))
    numbers = [(row["team"], row["plan"], row["replies"], row["breached_open"]) for row in rows]
    assert numbers == [
        ("experiments", "scale", "2", "0"),
        ("surveys", "scale", "1", "1"),
        ("all", "all", "3", "1"),
    ]
    # Replies have no rating and no language.
    for filters in ({}, {"rating": "5"}, {"language": "de", "trust": "signed"}):
        assert read_csv(get("2026-10/targets.csv", **filters)) == rows
        assert read_csv(get("2026-10/targets.csv", team="surveys", **filters))[0] == rows[1]
    parquet = pq.read_table(io.BytesIO(get("2026-10/targets.parquet").data)).to_pylist()
    assert [str(row["median_hours"]) for row in parquet] == ["1.00"] * 3
    book = openpyxl.load_workbook(io.BytesIO(get("2026-10/report.xlsx").data))
    assert [cell.value for cell in book["targets"]["K"]][1:] == [0, 1, 1]
    assert get("2026-10/targets.xlsx").data.startswith(b"PK")
    (every,) = read_csv(get("2026-Q4/targets.csv"))[-1:]
    assert (every["month"], every["replies"]) == ("2026-Q4", "3")
    page = get("2026-10").text
    assert "1 reply is overdue now: Surveys 1 (Scale)." in page
    assert "/reports/2026-10/targets.csv" in page
    assert "Of 2 replies due, 50.0% came" in get("2026-10", team="surveys").text


def test_while_responses_are_derived_anew_nothing_is_shown(lead, database, settings):
    give(database, settings, GivenAnswer())
    with database.writing() as connection:
        save_applied_rules(connection, "being derived")
    answer = lead.client.get("/reports/2026-10")
    assert answer.status_code == 503
    assert "derived anew" in answer.text


RATINGS = [1, 2, 3, 4, 5, 5, 5, 4, 1, 5, 2, 5, 4, 5, 3, 5, 5, 1, 4, 5] * 2
ANSWERS = [
    GivenAnswer(
        rating=rating,
        comment=None if number % 3 else f"{HOSTILE} {number}",
        team=("surveys", "session replay", "equipe")[number % 3],
        trust=list(Trust)[number % 2],
        language=("en", "de")[number % 5 == 0],
        at=NOON + timedelta(days=5 * number % 50 - 30),
    )
    for number, rating in enumerate(
        [1, 2, 3, 4, 5, 5, 5, 4, 1, 5, 2, 5, 4, 5, 3, 5, 5, 1, 4, 5] * 2
    )
]
FILTERS = {
    "team": st.lists(
        st.sampled_from(["surveys", "session_replay", "equipe", "nobody"]), max_size=2
    ),
    "rating": st.lists(st.integers(1, 5).map(str), max_size=3),
    "trust": st.lists(st.sampled_from([trust.value for trust in Trust]), max_size=2),
    "language": st.lists(st.sampled_from(["en", "de", "unknown"]), max_size=2),
}
PERIODS = st.sampled_from(
    ["2026-10", "2026-09", "2026-Q4", "2026", "2026-10-01..2026-10-28", "2026-10-25..2026-11-02"]
)


@hypothesis_settings(
    max_examples=examples(3),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(period=PERIODS, filters=st.fixed_dictionaries({}, optional=FILTERS))
def test_page_files_and_list_agree_under_every_filter(filled, period, filters):
    query = {name: ",".join(values) for name, values in filters.items() if values}

    def get(path):
        answer = filled.client.get(f"/reports/{period}{path}", query_string=query)
        assert answer.status_code == 200
        return answer

    total = headline(get("").text)
    teams = read_csv(get("/teams.csv"))
    assert teams[-1]["team"] == "all"
    assert int(teams[-1]["responses"]) == total
    assert sum(int(row["responses"]) for row in teams[:-1]) == total
    assert sum(int(row["responses"]) for row in read_csv(get("/counts.csv"))) == total
    trend = [row for row in read_csv(get("/trend.csv")) if row["team"] == "all"]
    assert trend[-1]["month"] == period
    assert int(trend[-1]["responses"]) == total
    book = openpyxl.load_workbook(io.BytesIO(get("/report.xlsx").data))
    assert [cell.value for cell in book["teams"]["C"]][-1] == total
    assert pq.read_table(io.BytesIO(get("/teams.parquet").data))["responses"][-1].as_py() == total
    assert len(read_csv(get("/responses.csv"))) == total
    comments = read_csv(get("/comments.csv"))
    assert len(comments) == int(teams[-1]["comments"])
    shown = re.search(r"<h1>([\d,]+) response", get("/responses").text)
    assert shown is not None
    assert int(shown[1]) == total
    blank = "rating" in query
    assert (teams[-1]["csat_pct"] == "") == (blank or not total)
    drivers = read_csv(get("/drivers.csv"))
    assert not (blank and drivers)
    if drivers:
        assert drivers[-1]["total_pp"] == teams[-1]["change_pp"]


@pytest.fixture
def filled(lead, database, settings):
    give(database, settings, *ANSWERS)
    return lead


def test_quality_and_donations_are_never_filtered(filled):
    for name in ("quality", "donations"):
        whole = filled.client.get(f"/reports/2026-10/{name}.csv").text
        assert filled.client.get(f"/reports/2026-10/{name}.csv?team=nobody&rating=1").text == whole
    assert filled.client.get("/reports/2026-Q4/donations.csv").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/reports/2026-13",
        "/reports/0001",
        "/reports/2026-10-28..2026-10-01",
        "/reports/2020-01-01..2026-10-01",
        "/reports/2026-02-30..2026-03-01",
        "/reports/2026-10?rating=6",
        "/reports/2026-10?trust=much",
        f"/reports/2026-10?team={'x' * 300}",
        f"/reports/2026-10?language={','.join(map(str, range(200)))}",
        "/reports/2026-10/responses?page=0",
        "/reports/2026-10/responses?page=one",
        f"/reports/2026-10/responses?q={'x' * 300}",
        "/reports/period?from=&to=2026-10-01",
    ],
)
def test_an_address_that_cannot_be_read_says_what_is_wrong_with_it(lead, path):
    answer = lead.client.get(path)
    assert answer.status_code == 400
    assert "This address cannot be read" in answer.text


def test_the_form_for_a_free_range_leads_to_its_report(lead):
    answer = lead.client.get("/reports/period?from=2026-10-01&to=2026-10-28&team=surveys")
    assert answer.status_code == 303
    assert answer.location == "/reports/2026-10-01..2026-10-28?team=surveys"


def test_responses_are_found_by_words_by_phrase_and_page_by_page(lead, database, settings):
    many = [GivenAnswer(comment=f"Quick answer {number}") for number in range(60)]
    give(database, settings, *many, GivenAnswer(rating=1, comment="Export broken, ÄRGERLICH"))
    first = lead.client.get("/reports/2026-10/responses").text
    assert "61 responses" in first
    assert first.index("ÄRGERLICH") < first.index("Quick answer")  # the lowest rating first
    second = lead.client.get("/reports/2026-10/responses?page=2").text
    assert first.count("<li>") - second.count("<li>") == 50 - 11
    found = lead.client.get("/reports/2026-10/responses?q=ärgerlich").text
    assert "1 response with a comment" in found
    phrase = lead.client.get("/reports/2026-10/responses?phrase=export+broken").text
    assert "1 response with a comment" in phrase
    assert "No response is like this" in lead.client.get("/reports/2026-10/responses?q=zzz").text


@pytest.mark.parametrize("name", ["responses?q=a", "responses?phrase=a", "responses.csv?q=a"])
def test_nothing_is_found_in_a_month_without_comments(lead, name):
    answer = lead.client.get(f"/reports/2026-10/{name}")
    assert answer.status_code == 200
    assert answer.text.count("\n") == 1 or "No response is like this" in answer.text


def test_what_customers_wrote_is_text_on_every_page(lead, database, settings):
    give(database, settings, GivenAnswer(rating=1, comment=HOSTILE, team="<b>team"))
    for path in ("2026-10", "2026-10/responses", "2026-10/weeks"):
        page = lead.client.get(f"/reports/{path}").text
        assert "<script>" not in page
        assert "49" not in re.findall(r"alert\(1\)[^=]*", page)
    assert "&lt;script&gt;" in lead.client.get("/reports/2026-10").text
    (row,) = read_csv(lead.client.get("/reports/2026-10/comments.csv"))
    assert row["comment"].startswith("<script>")


def test_weeks_show_page_views_beside_responses(lead, database, settings):
    give(database, settings, GivenAnswer())
    with database.writing() as connection:
        add_page_views(connection, {(date(2026, 10, 14), "surveys"): 7})
    rows = read_csv(lead.client.get("/reports/2026-10/weeks.csv"))
    week = next(row for row in rows if row["week_from"] == "2026-10-12")
    assert (week["page_views"], week["responses"]) == ("7", "1")
    assert len(rows) == 26
    assert "12 October – 18 October" in lead.client.get("/reports/2026-10/weeks").text
    other = read_csv(lead.client.get("/reports/2026-10/weeks.csv?team=experiments"))
    assert {row["page_views"] for row in other} == {"0"}


def test_marks_are_added_shown_on_trends_and_removed(lead, database, settings):
    give(database, settings, GivenAnswer())
    assert lead.client.get("/reports/2026-10").status_code == 200  # kept from now on
    wrong = post(lead, "/reports/marks", day="soon", words="Release")
    assert wrong.status_code == 400
    assert 'value="Release"' in wrong.text
    assert post(lead, "/reports/marks", day="2026-10-20", words="<i>Release").status_code == 303
    assert "&lt;i&gt;Release" in lead.client.get("/reports/2026-10").text
    assert post(lead, "/reports/marks/1/remove").status_code == 303
    assert "Release" not in lead.client.get("/reports/2026-10").text
    assert post(lead, "/reports/marks/1/remove").status_code == 303  # it is gone already


@pytest.mark.parametrize("number", [2**31, 2**63, 10**20])
def test_a_mark_of_which_no_database_can_have_the_number_does_not_exist(lead, number):
    assert post(lead, f"/reports/marks/{number}/remove").status_code == 404


def post(person, path, **fields):
    page = person.client.get("/reports/marks").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    return person.client.post(path, data={"csrf_token": token[1], **fields})


def test_every_look_at_comments_and_every_export_is_on_record(lead, database, settings):
    give(database, settings, GivenAnswer(comment="Hello"))
    for path in (
        "2026-10?team=surveys",
        "2026-10/responses?q=hello",
        "2026-10/comments.xlsx",
        "2026-10/responses.csv?rating=5",
        "2026-10/donations.csv",
    ):
        assert lead.client.get(f"/reports/{path}").status_code == 200
    with database.reading() as connection:
        entries = list_entries(connection)
    assert [(entry.user_name, entry.action, entry.target) for entry in entries[:5]] == [
        ("lea", "export", "2026-10 donations.csv"),
        ("lea", "export responses", "2026-10 rating=5, csv"),
        ("lea", "export", "2026-10 comments.xlsx"),
        ("lea", "read responses", "2026-10 q=hello commented=1"),
        ("lea", "read report", "2026-10 team=surveys"),
    ]


def test_finance_reads_donations_and_no_comment(person, database, settings, clock):
    clock.time = AFTER
    give(database, settings, GivenAnswer(comment="Hello"))
    person.sign_in("finn")
    assert person.client.get("/reports/2026-10/donations.csv").status_code == 200
    assert person.client.get("/reports/donations").status_code == 200
    for path in ("2026-10", "2026-10/comments.csv", "2026-10/responses", "2026-10/weeks", "marks"):
        assert person.client.get(f"/reports/{path}").status_code == 403
