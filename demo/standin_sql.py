"""Evaluates HogQL on recorded events, by DuckDB: the very text of an insight, not its name.

DuckDB's SQL is close to ClickHouse's. What differs are properties, and functions: those that are
listed here, and no others, are known, by the names that HogQL has for them.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from demo.standin_hogql import Event
from demo.wire import Refusal

# A HogQL function → how DuckDB computes it.
_MACROS = {
    "addMonths(day, n)": "CAST(day + to_months(CAST(n AS INTEGER)) AS DATE)",
    "argMax(x, place)": "arg_max(x, place)",
    "argMin(x, place)": "arg_min(x, place)",
    "arrayJoin(list)": "unnest(list)",
    "avg(x)": "avg(x)",
    "countIf(holds)": "count(*) FILTER (WHERE holds)",
    "extract(text, pattern)": "regexp_extract(text, pattern, 1)",
    "formatDateTime(time, format)": "strftime(time, replace(format, '%i', '%M'))",
    "lowerUTF8(text)": "lower(text)",
    "max(x)": "max(x)",
    "min(x)": "min(x)",
    "nullIf(x, y)": "nullif(x, y)",
    "replaceRegexpAll(text, pattern, new)": "regexp_replace(text, pattern, new, 'g')",
    # ClickHouse rounds what lies in the middle to the even neighbour, as our files do.
    "round(x, n)": "round_even(CAST(x AS DOUBLE), n)",
    "toInt(text)": "TRY_CAST(text AS BIGINT)",
    "toStartOfMonth(time)": "CAST(date_trunc('month', time) AS DATE)",
    "toString(x)": "CAST(x AS VARCHAR)",
    "toTimeZone(time, zone)": "timezone(zone, time)",
    "trim(text)": "trim(text, ' ')",
}
# Functions of any number of values, and words before a parenthesis that are no functions.
_AS_THEY_ARE = {"coalesce", "concat", "count", "in", "and", "or", "not", "from", "where"}
_AS_NAMED = {"tuple": "row", "getSurveyResponse": "survey_response", "now": "now_here"}
_PREFIX = "hogql_"
_KNOWN = {name.partition("(")[0] for name in _MACROS}

_OTHER_MACROS = (
    # A property as PostHog reads it: any value as text, a blank one as none.
    "property(key) AS nullif(json_extract_string(properties, '$.\"' || key || '\"'), '')",
    # JSONExtractString of older ClickHouse reads a number as blank.
    "extract_string(key) AS CASE json_type(properties, '$.\"' || key || '\"') "
    "WHEN 'VARCHAR' THEN property(key) END",
    "survey_response(number, id) AS coalesce(extract_string('$survey_response_' || id), "
    "extract_string('$survey_response' || CASE number WHEN 0 THEN '' ELSE '_' || number END))",
)

_TOKEN = re.compile(
    r"(?P<text>'(?:[^'\\]|\\.)*')"
    r"|properties\.(?P<property>\$?\w+)"
    r"|(?P<call>\w+)(?=\s*\()"
    r"|(?P<other>[\w.]+|\s+|.)",
    re.DOTALL,
)


def evaluate(
    queries: Sequence[str], events: Sequence[Event], now: datetime
) -> list[dict[str, Any]]:
    """Return the columns and rows that each query finds in events, rows of PostHog's table, at a
    time. Raise Refusal for a query that PostHog refuses, or that this module does not know."""
    with duckdb.connect(config={"threads": 1, "enable_external_access": False}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        _add_macros(connection, now)
        connection.register("recorded", _as_table(events))
        connection.execute("CREATE TABLE events AS SELECT * FROM recorded")
        return [_run(connection, query) for query in queries]


def _run(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any]:
    try:
        found = connection.execute("".join(_translate(query)))
        rows = found.fetchall()
    except duckdb.Error as error:
        raise _refuse(str(error)) from None
    columns = [each[0] for each in found.description or ()]
    return {"columns": columns, "result": [[_show(value) for value in row] for row in rows]}


def _translate(query: str) -> Iterator[str]:
    """Yield the parts of a query as DuckDB's SQL."""
    for match in _TOKEN.finditer(query):
        if match["text"]:
            yield _translate_text(match["text"])
        elif match["property"]:
            yield f"property('{match['property']}')"
        elif match["call"]:
            yield _translate_call(match["call"])
        else:
            yield match["other"]


def _translate_text(literal: str) -> str:
    text = re.sub(r"\\(.)", r"\1", literal[1:-1], flags=re.DOTALL).replace("'", "''")
    return f"'{text}'"


def _translate_call(name: str) -> str:
    if name in _KNOWN:
        return _PREFIX + name
    if name in _AS_NAMED:
        return _AS_NAMED[name]
    if name.lower() in _AS_THEY_ARE:
        return name
    raise _refuse(f"Unsupported function call '{name}(...)'")


def _add_macros(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    for call, body in _MACROS.items():
        connection.execute(f"CREATE MACRO {_PREFIX}{call} AS {body}")
    for macro in _OTHER_MACROS:
        connection.execute(f"CREATE MACRO {macro}")
    connection.execute(f"CREATE MACRO now_here() AS TIMESTAMPTZ '{now.isoformat()}'")


def _as_table(events: Sequence[Event]) -> pa.Table:
    columns = {
        "uuid": [each["uuid"] for each in events],
        "event": [str(each["event"]) for each in events],
        "distinct_id": [str(each["distinct_id"]) for each in events],
        "timestamp": [each["timestamp"] for each in events],
        "properties": [json.dumps(each.get("properties") or {}) for each in events],
    }
    text, time = pa.string(), pa.timestamp("us", tz="UTC")
    types = {name: time if name == "timestamp" else text for name in columns}
    return pa.table({name: pa.array(given, types[name]) for name, given in columns.items()})


def _show(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _refuse(detail: str) -> Refusal:
    return Refusal(400, "invalid_input", detail)
