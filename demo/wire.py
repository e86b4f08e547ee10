"""Reading batches as PostHog does, and the bytes of answers on the network."""

import gzip
import json
import os
import socket
import struct
import zlib
from typing import Any

from demo.standin_page import JSON

# PostHog's own limit for a batch.
MAX_BODY_BYTES = 20 * 1024 * 1024


class Refusal(Exception):
    """A request that PostHog would not accept."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        body = {"type": "validation_error", "code": code, "detail": detail, "attr": None}
        self.body = json.dumps(body)


def read_batch(body: bytes, encoding: str) -> dict[str, Any]:
    """Return the batch in a request's body. Raise Refusal if PostHog would refuse the batch."""
    if len(body) > MAX_BODY_BYTES:
        raise Refusal(413, "too_large", "the batch is larger than 20 MB")
    try:
        request = json.loads(gzip.decompress(body) if encoding == "gzip" else body)
    except (ValueError, OSError, EOFError, zlib.error):
        raise Refusal(400, "invalid_payload", "the body is not JSON") from None
    if not isinstance(request, dict) or not isinstance(request.get("batch"), list):
        raise Refusal(400, "invalid_payload", "the body holds no batch")
    key = request.get("api_key")
    if not isinstance(key, str) or not key.strip():
        raise Refusal(401, "invalid_api_key", "the project API key is missing")
    for event in request["batch"]:
        if not isinstance(event, dict) or not event.get("event"):
            raise Refusal(400, "invalid_payload", "an event has no name")
        if not event.get("distinct_id"):
            raise Refusal(400, "invalid_payload", "an event has no distinct_id")
    return request


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a request's body holds. Raise Refusal if it holds none."""
    try:
        given = json.loads(body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise Refusal(400, "invalid_payload", "the body is not a JSON object")
    return given


def raw_answer(body: str, missing_bytes: int = 0) -> bytes:
    """Return the bytes of a whole 200 answer. Its Content-Length is `missing_bytes` larger than
    its body."""
    content = body.encode()
    length = len(content) + missing_bytes
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\nContent-Length: {length}\r\n\r\n"
    return head.encode() + content


def reset_connection(connection: socket.socket) -> None:
    """Close a connection so that the other side sees a reset, not a normal end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # Close the descriptor itself: `close` would wait for the handler's own files, and the server
    # would end the connection normally before that.
    os.close(connection.detach())
