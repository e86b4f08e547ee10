"""How the outbox keeps an event: the payload of its row. Pure."""

import json
from typing import Any


def pack_event(event: dict[str, Any]) -> str:
    """Return an event as the payload of a row of the outbox."""
    return json.dumps(event)


def unpack_event(payload: str) -> dict[str, Any]:
    """Return the event of a payload, exactly as it was packed."""
    event: dict[str, Any] = json.loads(payload)
    return event
