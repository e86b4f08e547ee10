"""`csat link`: one link, or a file of them."""

import csv
import io
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.command import run_csat

BASE = "https://survey.example.com"


def query(link: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(link.strip()).query).items()}


def test_a_link_carries_its_values_percent_encoded():
    arguments = ("--distinct-id", "jäne+1@x.de", "--ticket-id", "42", "--team", "Sales & CS")
    done = run_csat("link", *arguments, "--rating", "4", CSAT_BASE_URL=f"{BASE}/")
    assert done.stdout.startswith(f"{BASE}/?distinct_id=j%C3%A4ne%2B1%40x.de&")
    assert query(done.stdout) == {
        "distinct_id": "jäne+1@x.de",
        "ticketId": "42",
        "team": "Sales & CS",
        "rating": "4",
    }


def test_with_a_secret_links_are_signed_by_the_first():
    arguments = ("link", "--distinct-id", "jane", "--ticket-id", "42")
    both = run_csat(*arguments, CSAT_LINK_SECRET="new,old").stdout
    new = run_csat(*arguments, CSAT_LINK_SECRET="new").stdout
    assert query(both)["sig"] == query(new)["sig"]
    assert len(query(new)["sig"]) == 64


def test_a_file_gets_a_column_with_its_links(tmp_path):
    path = tmp_path / "solved.csv"
    path.write_text(
        "ticketId,distinct_id,team,agent\n42,jane,Surveys,Ann\n43,,,Bob\n", encoding="utf-8-sig"
    )
    done = run_csat("link", "--csv", str(path), CSAT_BASE_URL=BASE)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["agent"] for row in rows] == ["Ann", "Bob"]
    assert query(rows[0]["link"]) == {"distinct_id": "jane", "ticketId": "42", "team": "Surveys"}
    assert query(rows[1]["link"]) == {"ticketId": "43"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("id,team\n1,a\n", "no column ticketId"),
        ("", "no column ticketId"),
        ("ticketId\n1\n\n  \n", "line 4: the link names no ticket"),
        ("ticketId,team\n1,a,b\n", "line 2: more values than columns"),
        ("ticketId,rating\n1,9\n", "line 2: '9' is not a rating"),
        ("ticketId\n" + "1" * 201 + "\n", "line 2: ticketId is longer than 200"),
        ("ticketId,distinct_id\n1,a\x07b\n", "line 2: distinct_id holds control characters"),
    ],
)
def test_a_row_that_makes_no_link_is_named(tmp_path, content, problem):
    path = tmp_path / "solved.csv"
    path.write_text(content)
    done = run_csat("link", "--csv", str(path))
    assert done.returncode == 1
    assert problem in done.stderr
    assert done.stdout == ""


def test_a_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "solved.csv"
    path.write_bytes(b"\xff\xfe\x00ticket")
    done = run_csat("link", "--csv", str(path))
    assert done.returncode == 1
    assert "is not a CSV file in UTF-8" in done.stderr
