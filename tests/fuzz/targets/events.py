"""Lines of an export file: refused by name, or read alike by an import and for the frames."""

import json

from pipeline.answers import frame_answers, ticket_ids, uuid_texts
from pipeline.events import tabulate_events
from pipeline.importing import read_imported
from pipeline.proofs import judge_trust
from pipeline.sources.base import SourceError
from pipeline.sources.jsonl import read_jsonl, read_jsonl_answers
from survey.counting_rules import CountingRules
from survey.event_values import canonical_json
from survey.link_proofs import make_proof
from survey.vocabulary import TRUST_ORDER, Trust
from tests.fuzz.files import as_file
from tests.support.settings import SECRET_KEY, make_settings

RULES = CountingRules.of(
    make_settings(rating_question_id="R", comment_question_id="C", survey_id="ours")
)
UUID = "0192f1a4-6d2e-7c3b-9a58-c5a70000c5a7"
PROOF = make_proof(
    uuid=UUID,
    ticket_id="42",
    distinct_id="jane",
    rating=4,
    trust=Trust.SIGNED,
    secret=SECRET_KEY,
)
SEEDS = (
    b'{"uuid":"0192f1a4-6d2e-7c3b-9a58-c5a70000c5a7","event":"survey sent","distinct_id":"jane",'
    b'"timestamp":"2026-10-14T12:00:00.123456+00:00","properties":{"$survey_id":"ours",'
    b'"ticketId":42.0,"$survey_response_R":"4.0","$survey_response_1":"Thanks","team":"Web",'
    b'"link_trust":"signed","link_proof":"%s","$survey_language":"de"}}' % PROOF.encode(),
    b'{"uuid":"u","event":"survey sent","timestamp":"2026-10-14 12:00:00","properties":'
    b'"{\\"ticketId\\": \\" 42\\", \\"$survey_response\\": 5, \\"ticketTeam\\": [1e999]}"}\n'
    b'{"uuid":"u","event":"survey shown"}\n',
    b'\xef\xbb\xbf{"event":"survey sent","event":"x","uuid":"\\ud83e","properties":null}',
    b'{"uuid":"v","event":"survey sent","timestamp":"9999-12-31T23:59:59-12:00","properties":{}}',
)


def check(data: bytes) -> None:
    """Raise for lines that are not refused by name, and that two readers read differently."""
    file = as_file("lines.jsonl", data)
    try:
        events = [event for _, event in read_jsonl(file)]
    except SourceError as error:
        assert "line" in str(error)
        return
    assert read_jsonl_answers(file, RULES, lambda _read: None).num_rows == len(events)
    answers = read_imported(events, RULES)
    frame = frame_answers([tabulate_events(events, range(len(events)), RULES)])
    columns = zip(
        uuid_texts(frame),
        ticket_ids(frame).where(ticket_ids(frame).notna(), None),
        frame["person"],
        frame["team"].astype("str"),
        frame["rating"],
        judge_trust(frame, RULES),
        frame["has_comment"],
        strict=True,
    )
    for answer, read in zip(answers, columns, strict=True):
        expected = (
            answer.uuid,
            answer.ticket_id,
            answer.distinct_id,
            answer.team,
            answer.rating or 0,
            TRUST_ORDER.index(answer.trust),
            answer.comment is not None,
        )
        assert read == expected, (read, expected)
        for text in filter(None, (*expected[:4], answer.comment, answer.properties)):
            assert "\0" not in text.encode().decode()
        assert canonical_json(json.loads(answer.properties)) == answer.properties
