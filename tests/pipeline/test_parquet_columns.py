"""What is read without a Python object per row is what `survey/event_values.py` says."""

import json
import re
import tempfile
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from pipeline.events import BadEvent, parse_json, raw_event, read_event_comment, tabulate_events
from pipeline.sources.parquet_columns import Extract, extract_answers, extract_comments
from survey.counting_rules import CountingRules
from tests.support.events import NOON
from tests.support.examples import examples
from tests.support.settings import make_settings

RULES = CountingRules.of(
    make_settings(rating_question_id="R", comment_question_id="C", survey_id="ours")
)
UUID = "0192f1a4-6d2e-7c3b-9a58-{:012x}"

KEYS = (
    *("$survey_id", "ticketId", "$survey_response_R", "$survey_response"),
    *("$survey_response_C", "$survey_response_1", "team", "ticketTeam", "link_trust"),
    *("link_proof", "userId", "$survey_language"),
)
PROOF = "0123456789abcdef" * 4


def batch_of(texts, uuids=None, persons=None, times=None) -> pa.Table:
    n = len(texts)
    return pa.table(
        {
            "uuid": pa.array(uuids or [UUID.format(i) for i in range(n)], pa.string()),
            "event": ["survey sent"] * n,
            "distinct_id": pa.array(persons or ["jane"] * n, pa.string()),
            "properties": pa.array(texts, pa.string()),
            "timestamp": pa.array(times or [NOON] * n, pa.timestamp("us", "UTC")),
        }
    )


def extract(*batches: pa.Table, configured=RULES) -> list[Extract]:
    """What is found in these batches, each in a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / f"{i}.parquet") for i in range(len(batches))]
        for path, batch in zip(paths, batches, strict=True):
            pq.write_table(batch, path)
        return list(extract_answers(paths, configured))


def read_one(row: dict, configured=RULES) -> dict | None:
    """The answer of one row, the slow way; None where it is refused."""
    text = row["properties"]
    try:
        properties = None if text is None else parse_json(text)
        found = raw_event(row["uuid"], row["distinct_id"], row["timestamp"], properties)
        return tabulate_events([found], [0], configured).to_pylist()[0]
    except BadEvent:
        return None


def is_sloppy_json(text: str | None) -> bool:
    """Whether DuckDB reads what Python does not: a comma too many, nan and inf in small letters."""
    return bool(text) and re.search(r",\s*[}\]]|nan|inf", text, re.IGNORECASE) is not None


def check_comments(batch: pa.Table, configured=RULES) -> int:
    """Every comment is what it is one by one, or left over; how many are not left over."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/x.parquet"
        pq.write_table(batch, path)
        found = extract_comments(path, range(1, batch.num_rows + 1), configured)
    for row, comment in found.items():
        text = batch.column("properties")[row - 1].as_py()
        try:
            event = raw_event("u", None, NOON, parse_json(text))
        except BadEvent:
            assert is_sloppy_json(text)
            continue
        assert comment == read_event_comment(event, configured)
    return len(found)


def check_batch(batch: pa.Table, configured=RULES) -> int:
    """Every row is what it is one by one, or left over; how many are not left over."""
    try:
        found = extract(batch, configured=configured)
    except duckdb.Error:
        return 0
    clear = {row.pop("row"): row for part in found for row in part.answers.to_pylist()}
    rest = [row for part in found for row in part.rest]
    assert sorted([*clear, *rest]) == list(range(1, batch.num_rows + 1))
    for place, row in clear.items():
        given_row = batch.slice(place - 1, 1).to_pylist()[0]
        expected = read_one(given_row, configured)
        if expected is None:
            assert is_sloppy_json(given_row["properties"])
            continue
        expected.pop("row")
        assert row == expected
    return len(clear)


blanks = st.sampled_from(["", "", "", " ", "\n", "\t \r", "\u00a0", "\x0b"])


def escaped(text: str, which: int) -> str:
    """The text as JSON, with some of its characters escaped that need not be."""
    quoted = json.dumps(text, ensure_ascii=False)[1:-1]
    if which % 3 == 0:
        return f'"{quoted}"'
    if which % 3 == 1 or not text or '"' in text or "\\" in text:
        return json.dumps(text)
    place = which % len(text)
    code = ord(text[place])
    if code > 0xFFFF:
        return json.dumps(text)
    return f'"{json.dumps(text[:place])[1:-1]}\\u{code:04x}{json.dumps(text[place + 1 :])[1:-1]}"'


words = st.one_of(
    st.sampled_from(
        [
            *("", " ", "4", "5", " 4 ", "4.0", "4.", "4.5", "0", "6", "42", "42.0", " 42", "042"),
            *("-5", "1e1", "9" * 18, "1" + "0" * 18, "9" * 30, "١", "٤", "½", "4\x00", "\u00a0"),
            *("\u2003", "\u3000", "\u2028", "\x1c", "é", "🦔", "\ud83e", "ours", "signed"),
            *(
                "known",
                "unverified",
                "Web analytics",
                "web-analytics",
                "Équipe",
                "チーム",
                "ß",
                "İ",
            ),
            *(PROOF, PROOF.upper(), PROOF[1:], "1" * 64, "1" * 30 + "e" + "1" * 33, "é" * 32),
            *('","ticketId":"13', '"ticketId":13', "\\", "\\\\", '"', '\\"', "{", "]}", "\x7f"),
        ]
    ),
    st.text(max_size=6),
)
texts = st.builds(escaped, words, st.integers(0, 30))
numbers = st.sampled_from(
    [
        *("1", "4", "5", "0", "6", "42", "42.0", "-0", "-1", "4.0", "4.5", "1e1", "1E+0", "4e0"),
        *("0.4e1", "9" * 18, "9" * 19, "123456789012345678901234567890", "01", "+1", "1.", ".5"),
        *("1" * 64, f"{'1' * 60}.{'1' * 3}", f"1e{'0' * 61}1"),
        *("1e", "0x4", "NaN", "Infinity", "-Infinity", "-", "4_2", "1e999", "٤"),
    ]
)
odds = st.sampled_from(
    ["null", "true", "false", "nul", "True", "", "[]", "{}", "[4]", '{"ticketId":7}', "[[]", "}"]
)


def join(opens: str, closes: str, parts: list[str], gaps: list[str]) -> str:
    inside = ",".join(f"{gap}{part}{gap}" for part, gap in zip(parts, gaps, strict=False))
    return f"{opens}{inside}{closes}"


gap_lists = st.lists(blanks, min_size=6, max_size=6)
keys = st.builds(
    escaped,
    st.one_of(st.sampled_from(KEYS), st.sampled_from(KEYS), words, st.just("$survey_questions")),
    st.integers(0, 30).map(lambda which: which if which > 27 else 0),
)


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.builds(lambda k, gap, v: f"{k}{gap}:{gap}{v}", keys, blanks, values)
    return st.builds(join, st.just("{"), st.just("}"), st.lists(pairs, max_size=6), gap_lists)


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(join, st.just("["), st.just("]"), st.lists(values, max_size=3), gap_lists)


long_numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(0, 1e25).map("{:.1f}".format),
    st.floats(0, 1).map("{:.12f}".format),
    st.integers(0, 10**25).map(str),
)
scalars = st.one_of(texts, texts, numbers, long_numbers, odds)
values = st.recursive(scalars, lambda inner: st.one_of(objects(inner), lists(inner)), max_leaves=5)


def mutilate(text: str, place: int, put: str) -> str:
    place %= len(text) + 1
    return text[:place] + put + text[place + len(put) :] if put else text[:place]


hostile = st.one_of(
    objects(values),
    objects(values),
    objects(scalars),
    st.builds(
        mutilate, objects(values), st.integers(0, 500), st.sampled_from([*'"\\{}[],:0 n', "", "\n"])
    ),
    values,
    st.none(),
)


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(hostile, min_size=10, max_size=30))
def test_hostile_properties_are_read_as_one_by_one_or_left_over(rows: list[str | None]):
    # Half characters cannot stand in a file as they are.
    rows = [row and row.encode("utf-8", "replace").decode() for row in rows]
    event(f"{check_batch(batch_of(rows)) // 5 * 5} are clear")
    check_comments(batch_of(rows))


uuids = st.one_of(
    st.builds(UUID.format, st.integers(0, 2**48 - 1)),
    st.sampled_from([UUID.format(10).upper(), UUID.format(10)[:-1], "u1", "é" * 18, "", None]),
    st.builds(mutilate, st.just(UUID.format(10)), st.integers(0, 35), st.sampled_from("-gG é0a")),
)
persons = st.one_of(words, st.none())


@settings(max_examples=examples(10), deadline=None)
@given(
    rows=st.lists(
        st.tuples(uuids, persons, st.sampled_from(['"1"', "2", "null", '"two"', '" 7.0 "'])),
        min_size=10,
        max_size=30,
    )
)
def test_hostile_uuids_and_persons_are_read_as_one_by_one_or_left_over(rows):
    persons = [row[1] and row[1].encode("utf-8", "replace").decode() for row in rows]
    properties = [f'{{"ticketId":{row[2]}}}' for row in rows]
    check_batch(batch_of(properties, [row[0] for row in rows], persons))


PLAIN = {
    "$survey_id": "ours",
    "$survey_questions": [{"id": "R", "response": "5"}, {"id": "C", "response": 'a "b"\n'}],
    "$survey_response_R": "5",
    "$survey_response": "5",
    "$survey_response_C": "Très bien\n🦔",
    "$survey_completed": True,
    "$survey_language": "pt-BR",
    "$time": 1725000000.123,
    "ticketId": "10042",
    "team": "Sales & CS",
    "rating": 5,
    "link_trust": "known",
    "link_proof": PROOF,
    "userId": "jane",
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ticketId": 42},
        {"ticketId": "ZD-42"},
        {"ticketId": None},
        {"ticketId": "z" * 200},
        {"ticketId": "z" * 201, "team": "y" * 201},
        {"$survey_response_R": None},
        {"$survey_response_R": "", "$survey_response": 3},
        {"$survey_response_R": 0},
        {"$survey_id": "another"},
        {"team": "", "ticketTeam": "Équipe"},
        {"team": None},
        {"$survey_response_C": "", "$survey_response_1": "　"},
        {"link_trust": None},
        {"link_proof": None},
        {"link_proof": "none"},
        {"link_proof": PROOF[16:] + PROOF[:16]},
        {"userId": None},
        {"$survey_language": None},
        {"initialTargetArea": {"ticketId": ["nested", {"team": 1}]}},
    ],
)
def test_what_posthog_writes_every_day_is_not_left_over(changes):
    text = json.dumps({**PLAIN, **changes}, separators=(",", ":"), ensure_ascii=False)
    assert check_batch(batch_of([text, text, text])) == 3
    assert check_comments(batch_of([text])) == 1


def test_the_shortest_properties_are_read():
    assert check_batch(batch_of(['{"ticketId":"1"}', '{"a":1}', "{}", "{}"])) == 4
    assert check_batch(batch_of(["{}"])) == 1
    assert check_batch(batch_of([])) == 0


def test_a_text_that_does_not_end_does_not_reach_into_the_next_row():
    assert check_batch(batch_of(['{"ticketId":"1', '"}', '{"ticketId":"2"}', '{"a', '":1}'])) == 1


def test_of_two_values_under_one_key_the_first_counts():
    found = extract(batch_of(['{"ticketId":"1","ticketId":"2"}', '{"team":"a","team":null}']))
    assert found[0].answers.column("ticket").to_pylist() == [1, -1]
    assert found[0].answers.column("team").to_pylist() == ["unassigned", "a"]


@pytest.mark.parametrize(
    "value",
    [
        *("true", "[1]", '{"a": 1}', "1e3", "-1", "-0.0", "NaN", "1E400", "4.5", "42.0"),
        *("1.2345678901234568e+20", "123456789012345680000.0", "1234567890123456.0", "1e16"),
        *("12345678901234567.0", "0.00001", "0.0001", "9007199254740993.0", "123456789012345678.5"),
    ],
)
@pytest.mark.parametrize(
    "key", ["ticketId", "team", "$survey_response", "$survey_id", "$survey_language"]
)
def test_a_text_is_not_taken_for_the_value_that_is_written_alike(key, value):
    texts = [f'{{"{key}": {value}}}', f'{{"{key}": {json.dumps(value)}}}']
    for text in texts:
        check_batch(batch_of([text]))
    check_batch(batch_of(texts))
    check_comments(batch_of(texts))


def test_rows_are_told_by_file_and_place():
    files = [
        batch_of([json.dumps({"ticketId": i}) for i in range(first, first + 3)])
        for first in (10, 20, 30)
    ]
    found = {
        (part.file, row): ticket
        for part in extract(*files)
        for row, ticket in zip(
            part.answers.column("row").to_pylist(),
            part.answers.column("ticket").to_pylist(),
            strict=True,
        )
    }
    assert found == {
        (file, row): 10 * (file + 1) + row - 1 for file in range(3) for row in (1, 2, 3)
    }


@pytest.mark.parametrize("question", ["1", "\udcff", "a\nb", "é", 'a"b'])
def test_any_question_id_is_found_or_all_is_left_over(question):
    configured = CountingRules.of(
        make_settings(rating_question_id=question, comment_question_id="C")
    )
    key = f"$survey_response_{question}".encode("utf-8", "replace").decode()
    texts = [json.dumps({"ticketId": 1, key: "5"}, ensure_ascii=False) for _ in range(2)]
    check_batch(batch_of(texts), configured)
