"""What strangers can send: never a 500, never a record, never a lost text."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text

from survey.site.app import create_app
from tests.support.examples import examples
from tests.support.pages import Page, address
from tests.support.settings import make_settings


def stored(database):
    with database.reading() as connection:
        return connection.scalar(text("select count(*) from answers"))


@pytest.mark.parametrize(
    "url",
    [
        "/",
        "/?distinct_id=jane",
        "/?ticketId=+",
        "/?ticketId=%00",
        "/?ticketId=4%0A2",
        "/?ticketId=42&distinct_id=%7F",
        "/?ticketId=42&team=%C2%85",
        "/?ticketId=" + "4" * 201,
        "/?ticketId=42&distinct_id=" + "x" * 10_000,
        "/?ticketId=42&initialTargetArea=" + "x" * 201,
        "/?ticketId=42&lang=" + "x" * 201,
        "/?ticketId=42&sig=" + "x" * 201,
        "/?ticketId=42&userId=" + "x" * 201,
        "/?ticketId=42&rating=" + "4" * 201,
    ],
)
def test_a_damaged_link_is_refused_and_records_nothing(client, database, url):
    for response in (client.get(url), client.post(url, data={"rating": "5"})):
        assert response.status_code == 400
        assert "e-mail" in Page(response.text).text
    assert stored(database) == 0


@pytest.mark.parametrize("query", ["%", "%zz", "%ff", "%ed%a0%80", "%f0%9f", "é", "&&==&", "+"])
def test_broken_percent_encoding_is_a_text_like_any_other(client, query):
    assert client.get(f"/?ticketId=42&distinct_id=x{query}").status_code == 200
    assert client.get(f"/?ticketId=42&{query}").status_code == 200
    assert client.post(f"/?ticketId=x{query}", data={"rating": "5"}).status_code == 303


@pytest.mark.parametrize("query", ["\xff", "ticketId=42&distinct_id=\xff\n", "\xc3\xbc=\xc3"])
@pytest.mark.parametrize("path", ["/", "//", "/thanks", "/hedgehogs", "/a\nforged"])
def test_bytes_as_they_are_fail_no_page_and_forge_no_line(client, capsys, path, query):
    """As a server hands them on that lets them pass."""
    response = client.get("/", environ_overrides={"PATH_INFO": path, "QUERY_STRING": query})
    assert response.status_code in (200, 400, 404)
    assert "Content-Security-Policy" in response.headers
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "rating", [None, "", " ", "0", "6", "4.5", "five", "NaN", "-1", "٣", "4\x00"]
)
def test_without_a_rating_the_form_comes_back_with_what_was_typed(client, database, rating):
    form = {"comment": "Kept & <b>safe</b>", "submit_id": "abc"}
    response = client.post(address(), data=form if rating is None else {**form, "rating": rating})
    page = Page(response.text)
    assert response.status_code == 400
    assert "Please choose one of the five faces." in page.text
    assert page.fields == {"comment": "Kept & <b>safe</b>", "submit_id": "abc"}
    assert stored(database) == 0


def test_a_comment_of_5000_characters_is_taken_in_any_script(client, database):
    for ticket, character in enumerate("a", start=1):
        sent = client.post(
            address(ticketId=str(ticket)), data={"rating": "3", "comment": character * 5000}
        )
        assert sent.status_code == 303
    assert client.post(address(), data={"rating": "3", "comment": "🦔" * 5000}).status_code == 303
    with database.reading() as connection:
        assert set(connection.scalars(text("select length(comment) from answers"))) == {5000}


def test_lines_count_one_character_as_in_the_browser(client):
    comment = "\r\n".join(["x"] * 2500) + "y"
    assert client.post(address(), data={"rating": "3", "comment": comment}).status_code == 303


def test_a_longer_comment_comes_back_whole(client, database):
    response = client.post(address(), data={"rating": "3", "comment": "x" * 5001})
    page = Page(response.text)
    assert response.status_code == 400
    assert "1 more" in page.text
    assert page.checked == "3"
    assert page.fields["comment"] == "x" * 5001
    assert stored(database) == 0


def test_a_comment_that_begins_with_an_empty_line_keeps_it(client):
    html = client.post(address(), data={"comment": "\nhello"}).text
    assert ">\n\nhello</textarea>" in html


def test_hostile_text_is_shown_as_text(client):
    html = client.post(address(), data={"comment": "</textarea><script>alert(1)</script>"}).text
    assert "<script>alert" not in html


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/nothing", 404),
        ("get", "/%00", 404),
        ("put", "/", 405),
        ("delete", "/thanks", 405),
        ("post", "/thanks", 405),
        ("get", "/thanks", 400),
    ],
)
def test_other_requests_get_a_friendly_page(client, method, path, status):
    response = getattr(client, method)(path)
    assert response.status_code == status
    assert "<h1>" in response.text


@pytest.mark.parametrize("comment", ["x" * 66_000, "字" * 28_000], ids=["ASCII", "Japanese"])
def test_a_form_of_256_kb_comes_back_with_all_that_was_typed(client, database, comment):
    response = client.post(address(), data={"rating": "3", "comment": comment})
    page = Page(response.text)
    assert response.status_code == 400
    assert (page.checked, page.fields["comment"]) == ("3", comment)
    assert stored(database) == 0


def test_a_body_over_256_kb_is_refused(client, database):
    response = client.post(address(), data={"rating": "3", "comment": "x" * 256 * 1024})
    assert response.status_code == 413
    assert "5,000 characters" in response.text
    assert stored(database) == 0


def test_a_body_that_is_no_form_is_a_form_without_a_rating(client):
    response = client.post(address(), data=b"\xff\x00{", content_type="application/json")
    assert response.status_code == 400


def test_a_bug_of_ours_gives_a_page_and_a_log_line_without_data(client, capsys, monkeypatch):
    def fail(*_args, **_kwargs):
        raise RuntimeError("private words")

    monkeypatch.setattr("survey.receive.decide", fail)
    response = client.post(address(), data={"rating": "5", "comment": "private words"})
    assert response.status_code == 500
    assert "private words" not in response.text
    logged = "".join(capsys.readouterr())
    assert "exception=RuntimeError < survey/site/test_bad_input.py:" in logged
    assert "private words" not in logged
    assert "jane" not in logged
    request_id = response.headers["X-Request-ID"]
    assert f"request_id='{request_id}'" in logged
    assert request_id in response.text


def test_a_database_that_fails_keeps_what_was_typed(client, database):
    with database.writing() as connection:
        connection.execute(text("alter table answers rename to gone"))
    response = client.post(address(), data={"rating": "4", "comment": "please keep"})
    page = Page(response.text)
    assert response.status_code == 503
    assert (page.checked, page.fields["comment"]) == ("4", "please keep")
    assert "could not save" in page.text
    assert client.get(address()).status_code == 200
    assert client.get("/readyz").status_code in (200, 503)


parameters = st.dictionaries(
    st.sampled_from(["distinct_id", "ticketId", "team", "rating", "sig", "lang", "userId", "x"]),
    st.text(max_size=210),
)


@given(
    query=parameters,
    form=st.dictionaries(
        st.sampled_from(["rating", "comment", "submit_id", "y"]), st.text(max_size=300)
    ),
)
@hypothesis_settings(
    deadline=None,
    max_examples=examples(40),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_nothing_that_can_be_sent_fails(client, query, form):
    for response in (
        client.get("/", query_string=query),
        client.post("/", query_string=query, data=form),
        client.get("/thanks", query_string={**query, "answer": form.get("y", "")}),
    ):
        assert response.status_code in (200, 303, 400, 413)


def test_a_link_secret_of_ours_does_not_break_on_any_signature(database):
    client = create_app(make_settings(link_secret="s"), database).test_client()
    assert client.get(address(sig="ünïcode")).status_code == 403
