"""How the outbox keeps an event: the payload of its row. Pure.

An event of ours holds the customer's comment in three places, as PostHog wants it. The payload
holds it once, beside the event, in which these places are null. Everything else is kept as it is.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

# An object with this key holds an event in `_EVENT`; any other object is itself an event. The text
# of a payload with a comment begins and goes on in this way.
_COMMENT = "comment"
_EVENT = "event"
_BEGINNING = '{"comment": '
_MIDDLE = ', "event": '
_NULL = "null"
_PLACES = 3

# Made once, because to make one takes longer than to use it.
_IN_UTF8 = json.JSONEncoder(ensure_ascii=False)
_DECODER = json.JSONDecoder()


def pack_event(event: Mapping[str, Any]) -> str:
    """Return an event as the payload of a row of the outbox."""
    comment = _find_comment(event)
    if comment is not None:
        return _write({_COMMENT: comment, _EVENT: _with_comment(event, None)})
    # An event of another shape may have this key itself.
    return _write({_COMMENT: None, _EVENT: event} if _COMMENT in event else event)


def unpack_event(payload: str) -> dict[str, Any]:
    """Return the event of a payload, exactly as it was packed."""
    packed: dict[str, Any] = json.loads(payload)
    if _COMMENT not in packed:
        return packed
    comment, event = packed[_COMMENT], packed[_EVENT]
    return event if comment is None else _with_comment(event, comment)


def size_when_sent(payload: str) -> int:
    """Return how many bytes the event of a payload has when it is sent: as JSON in ASCII."""
    if not payload.startswith(_BEGINNING + '"'):
        is_wrapped = payload.startswith(_BEGINNING)
        return _size_in_ascii(
            payload[len(_BEGINNING + _NULL + _MIDDLE) : -1] if is_wrapped else payload
        )
    try:
        _, end = _DECODER.raw_decode(payload, len(_BEGINNING))
    except ValueError:
        # What cannot be read cannot be sent either. The worker finds out, and sends all others.
        return len(payload)
    comment, event = payload[len(_BEGINNING) : end], payload[end + len(_MIDDLE) : -1]
    return _size_in_ascii(event) + _PLACES * (_size_in_ascii(comment) - len(_NULL))


def _size_in_ascii(text: str) -> int:
    """Return how many bytes JSON has in ASCII: six for each half of a surrogate pair, and for each
    other character that is escaped, of which DEL is one."""
    deletes = 5 * text.count("\x7f")
    if text.isascii():
        return len(text) + deletes
    plain = len(text.encode("ascii", "ignore"))
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    return plain + deletes + 6 * (units - plain)


def _write(packed: Mapping[str, Any]) -> str:
    text = _IN_UTF8.encode(packed)
    try:
        text.encode()
    except UnicodeEncodeError:
        # A half of a surrogate pair has no UTF-8, so no database takes it unless it is escaped.
        return json.dumps(packed)
    return text


def _find_comment(event: Mapping[str, Any]) -> str | None:
    """Return the comment of an event that holds it in all three places; None for any other event,
    and for a blank one, of which there is nothing to save."""
    properties = event.get("properties")
    if not isinstance(properties, dict):
        return None
    questions = properties.get("$survey_questions")
    if not (isinstance(questions, list) and questions and isinstance(questions[-1], dict)):
        return None
    comment, question_id = questions[-1].get("response"), questions[-1].get("id")
    if not (isinstance(comment, str) and comment and isinstance(question_id, str)):
        return None
    keys = set(_comment_keys(question_id))
    if len(keys) < _PLACES - 1:
        return None  # a question that is called 1 has one key
    return comment if all(properties.get(key) == comment for key in keys) else None


def _comment_keys(question_id: str) -> tuple[str, str]:
    return f"$survey_response_{question_id}", "$survey_response_1"


def _with_comment(event: Mapping[str, Any], comment: str | None) -> dict[str, Any]:
    """Return an event of ours with this in the three places of the comment. The keys stay where
    they stand, so that the event that is sent again is the same, byte for byte."""
    properties = cast("dict[str, Any]", event["properties"])
    *others, last = properties["$survey_questions"]
    changed = dict.fromkeys(_comment_keys(last["id"]), comment)
    questions = [*others, {**last, "response": comment}]
    return {
        **event,
        "properties": {**properties, "$survey_questions": questions, **changed},
    }
