"""Export files as PostHog writes them, made up: the same rows for the same numbers, every time.

Ten years of a survey, a file a month: the predecessor's events, then ours. Of a hundred events
some fifteen are edits, strangers' or too late, and five more rows are copies, as exports that
overlap have them.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from survey.event_values import PROOF_KEY
from survey.events import Questions, build_event
from survey.link_proofs import make_proof
from survey.links import person_of
from survey.months import Month, months_up_to
from survey.rules import Answer
from survey.settings import DEFAULT_SURVEY_ID, Settings
from survey.vocabulary import Trust

LAST_MONTH = Month(2026, 10)
MONTHS = 120
# The share of the months, the oldest, from which the predecessor's events are.
PREDECESSOR_SHARE = 0.4
TESTERS = ("tester-1", "tester-2")
VOIDS = tuple(str(1_000_000 + 977 * i) for i in range(200))
SEED = 5
# The key of the site that sent these.
SECRET_KEY = "a key for measurements"

TEAMS = (
    *("Product analytics", "Web analytics", "Session replay", "Feature flags", "Experiments"),
    *("surveys", "data-warehouse", "batch_exports", "Sales & CS", "Équipe France", ""),
)
COMMENTS = tuple(
    json.dumps(text, ensure_ascii=False)
    for text in (
        *("", "", "", "", "Thanks!", "Très bien 🦔", "Quick and kind, solved within the hour."),
        'Said "wait" twice.\nThen nothing for days; I found the answer in the docs myself.',
        "The reply came fast and was right, but the setting it named has moved to another page "
        "since, and it took me a while to find out that a project has to be chosen first. " * 2,
    )
)
OLD_RATINGS = (*("1", "2", "3", "4", "5") * 8, "0", "100", "null")
LANGUAGES = ("en", "en", "de", "fr")

SCHEMA = pa.schema(
    {
        **dict.fromkeys(("uuid", "event", "distinct_id", "person_id"), pa.string()),
        **dict.fromkeys(("properties", "person_properties", "elements_chain"), pa.string()),
        **dict.fromkeys(("timestamp", "created_at", "_inserted_at"), pa.timestamp("us", "UTC")),
    }
)
# What PostHog's own library adds to every event of a web page.
WEB_PROPERTIES: dict[str, Any] = {
    "$os": "Mac OS X",
    "$os_version": "10.15.7",
    "$browser": "Chrome",
    "$device_type": "Desktop",
    "$current_url": "https://csat.example.com/?distinct_id=x&ticketId=1&team=surveys",
    "$host": "csat.example.com",
    "$pathname": "/",
    "$raw_user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36",
    "$browser_version": 128,
    "$screen_height": 1080,
    "$screen_width": 1920,
    "$lib": "web",
    "$lib_version": "1.205.0",
    "$time": 1725000000.123,
    "$device_id": "0192f1a4-1111-7c3b-9a58-000000000000",
    "$session_id": "0192f1a4-2222-7c3b-9a58-000000000000",
    "$referrer": "$direct",
    "token": "phc_0000000000000000000000000000000000000000000",
    "$geoip_city_name": "London",
    "$geoip_country_code": "GB",
    "$is_identified": True,
}


@dataclass(frozen=True)
class Events:
    """One row per event: microseconds since 1970, and numbers from which all else follows."""

    at: np.ndarray
    uuid: np.ndarray
    ticket: np.ndarray
    person: np.ndarray
    kind: np.ndarray

    def take(self, rows: np.ndarray) -> "Events":
        return Events(*(each[rows] for each in vars(self).values()))


def make_events(rows: int, how_many_months: int) -> Events:
    """So many events within the last months, in the order of their time."""
    random = np.random.default_rng(SEED)
    tickets = int(rows * 0.85)
    months = months_up_to(LAST_MONTH, how_many_months)
    opens, closes = (
        int(each.timestamp() * 1e6) for each in (months[0].opens_at(UTC), months[-1].closes_at(UTC))
    )
    at = opens + (random.random(tickets) * (closes - opens)).astype(np.int64)
    person = random.integers(0, tickets // 2, tickets)
    again = random.integers(0, tickets, rows - tickets)
    # Most come back within hours, some after the edit window.
    waits = (random.random(len(again)) ** 4 * 12 * 86_400e6).astype(np.int64)
    is_stranger = random.random(len(again)) < 0.1
    stranger = random.integers(0, tickets, len(again))
    events = Events(
        at=np.concatenate([at, at[again] + waits]),
        uuid=random.integers(0, 1 << 62, rows),
        ticket=1_000_000 + np.concatenate([np.arange(tickets), again]),
        person=np.concatenate([person, np.where(is_stranger, stranger, person[again])]),
        kind=random.integers(0, 1 << 40, rows),
    )
    return events.take(np.argsort(events.at, kind="stable"))


def write_exports(folder: Path, rows: int, how_many_months: int = MONTHS) -> int:
    """A file a month in `folder`; how many rows they have, copies included."""
    events = make_events(rows, how_many_months)
    by_predecessor = int(how_many_months * PREDECESSOR_SHARE)
    random = np.random.default_rng(SEED + 1)
    # Copies stand in the next export, as if it had begun a little too early.
    copied = np.sort(random.choice(rows, rows // 20, replace=False))
    months = months_up_to(LAST_MONTH, how_many_months)
    ends = [int(each.closes_at(UTC).timestamp() * 1e6) for each in months[:-1]]
    month = np.searchsorted(ends, events.at, side="right")
    copied_to = np.minimum(month[copied] + 1, how_many_months - 1)
    folder.mkdir(parents=True)
    write = partial(_write_month, folder)
    with ProcessPoolExecutor() as pool:
        shares = (
            (
                each,
                events.take(np.flatnonzero(month == i)),
                events.take(copied[copied_to == i]),
                (i < by_predecessor, i <= by_predecessor),
            )
            for i, each in enumerate(months)
        )
        return sum(pool.map(write, shares))


def _write_month(folder: Path, share: tuple[Month, Events, Events, tuple[bool, bool]]) -> int:
    month, events, copies, by_predecessor = share
    path = folder / f"{month.opens_at(UTC):%Y-%m-%dT%H:%M:%S}-{month.closes_at(UTC):%Y-%m-%d}"
    table = pa.concat_tables(
        [_table(copies, by_predecessor[1], is_copy=True), _table(events, by_predecessor[0])]
    )
    pq.write_table(table, f"{path}.parquet.zst", compression="zstd")
    return table.num_rows


def _table(events: Events, by_predecessor: bool, is_copy: bool = False) -> pa.Table:
    rows = list(zip(*(each.tolist() for each in vars(events).values()), strict=True))
    uuids = [_uuid(uuid) for _, uuid, *_ in rows]
    persons = [_person(person, kind) for _, _, _, person, kind in rows]
    if is_copy:
        # A few say something else at the same time: the greatest counts.
        rows = [(*row[:4], row[4] + 11 if row[4] % 10_000 == 1 else row[4]) for row in rows]
    texts = list(_old_properties(rows) if by_predecessor else _our_properties(rows))
    # A tenth was taken later: the earliest counts.
    later = np.where(events.kind % 10 == 0, 1_000_000, 0) if is_copy else 0
    times = pa.array(events.at + later).cast(pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "uuid": uuids,
            "event": ["survey sent"] * len(rows),
            "distinct_id": persons,
            "person_id": uuids,
            "properties": texts,
            "person_properties": ["{}"] * len(rows),
            "elements_chain": [""] * len(rows),
            "timestamp": times,
            "created_at": times,
            "_inserted_at": times,
        },
        schema=SCHEMA,
    )


def _uuid(number: int) -> str:
    digits = f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _person(person: int, kind: int) -> str | None:
    if kind % 500 == 0:
        return TESTERS[kind % 1000 // 500]
    return None if kind % 211 == 0 else f"{person:08x}-person"


def _our_properties(rows: list[tuple[int, ...]]) -> Iterator[str]:
    settings = Settings(_env_file=None, secret_key=SECRET_KEY)
    answer = Answer("%(uuid)s", "%(ticket)s", "%(person)s", 5, "%(comment)s", "", datetime.now(UTC))
    event = build_event(
        answer,
        Questions(rating="How happy are you with the level of support you received?"),
        initial_target_area="%(area)s",
        team="%(team)s",
        submission_id="%(submission)s",
        settings=settings,
    )
    template = _compact(event["properties"])
    for old, new in (
        ('"%(comment)s"', "%(comment)s"),
        ('"5"', '"%(rating)s"'),
        ('"rating":5', '"rating":%(rating)s'),
        ('"unverified"', '"%(trust)s"'),
        (f'"$survey_id":"{DEFAULT_SURVEY_ID}"', '"$survey_id":"%(survey)s"'),
        ('"$survey_language":"en"', '"$survey_language":"%(language)s"'),
        (event["properties"][PROOF_KEY], "%(proof)s"),
    ):
        assert old in template, old
        template = template.replace(old, new)
    trusts = (Trust.UNVERIFIED,) * 6 + (Trust.KNOWN, Trust.SIGNED)
    for _, uuid, number, person, kind in rows:
        ticket = "" if kind % 199 == 0 else str(number)
        rating, trust = 1 + kind // 11 % 5, trusts[kind // 13 % len(trusts)]
        yield template % {
            "comment": COMMENTS[kind // 7 % len(COMMENTS)],
            "rating": rating,
            "trust": trust.value,
            "proof": make_proof(
                uuid=_uuid(uuid),
                ticket_id=ticket,
                distinct_id=person_of(_person(person, kind), ticket),
                rating=rating,
                trust=trust,
                secret=SECRET_KEY,
            ),
            "survey": "another-survey" if kind % 97 == 0 else DEFAULT_SURVEY_ID,
            "language": LANGUAGES[kind // 17 % len(LANGUAGES)],
            "ticket": ticket,
            "person": f"{person:08x}-person",
            "area": "events" if kind % 3 else "billing and invoices",
            "team": TEAMS[kind // 19 % len(TEAMS)],
            "submission": f"0192f1a4-6d2e-7c3b-9a58-{uuid & 0xFFFFFFFFFFFF:012x}",
        }


def _old_properties(rows: list[tuple[int, ...]]) -> Iterator[str]:
    web = _compact(WEB_PROPERTIES)[1:-1].replace("%", "%%")
    template = (
        "{" + web + ',"ticketId":%s,"userId":"%08x-person","ticketTeam":%s,'
        '"initialTargetArea":null,"$survey_id":"' + DEFAULT_SURVEY_ID + '",'
        '"$survey_name":"Customer satisfaction score (CSAT)",'
        '"$survey_question":"How happy are you with the level of support you received?",'
        '"$survey_response":%s,"$survey_response_1":%s}'
    )
    teams = tuple(json.dumps(team, ensure_ascii=False) for team in TEAMS[:-1])
    for _, _, ticket, person, kind in rows:
        yield template % (
            ticket if kind % 10 == 1 else f'"{ticket}"',
            person,
            "null" if kind % 12 == 0 else teams[kind // 19 % len(teams)],
            OLD_RATINGS[kind // 11 % len(OLD_RATINGS)],
            COMMENTS[kind // 7 % len(COMMENTS)],
        )


def _compact(properties: dict[str, Any]) -> str:
    return json.dumps(properties, separators=(",", ":"), ensure_ascii=False)
