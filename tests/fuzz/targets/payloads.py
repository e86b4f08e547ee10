"""Events in the outbox: unpacked, they are what was packed, and the same bytes are sent again."""

import json

from survey.outbox_payloads import pack_event, size_when_sent, unpack_event

SEEDS = (
    b'{"event":"survey sent","uuid":"u","distinct_id":"jane","properties":{"$survey_questions":'
    b'[{"id":"R","question":"How?","response":"5"},{"id":"C","question":"Why?","response":"a"}],'
    b'"$survey_response_R":"5","$survey_response":"5","$survey_response_C":"a",'
    b'"$survey_response_1":"a"}}',
    b'{"event":"survey sent","properties":{"$survey_response_1":"\\ud83e\\u0000","comment":null}}',
    b'{"properties":{"$survey_questions":{},"$survey_response_1":["a"]},"comment":"b"}',
    b'{"properties":[],"event":1e999}',
)


def check(data: bytes) -> None:
    """Raise AssertionError for an event that does not come back as it was."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(event, dict):
        packed = pack_event(event)
        packed.encode()
        assert "\0" not in packed
        assert _bytes_of(unpack_event(packed)) == _bytes_of(event)
        assert pack_event(unpack_event(packed)) == packed
        assert size_when_sent(packed) == len(_bytes_of(event))


def _bytes_of(event: object) -> bytes:
    # NaN is not itself, but it is written alike.
    return json.dumps(event).encode()
