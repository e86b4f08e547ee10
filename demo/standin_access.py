"""What the services of the stand-in's app share: keys with projects and scopes, and answers."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from demo.behaviour import Behaviour, answer
from demo.wire import Refusal

# The only project that the stand-in knows, and the only key that may ask about it.
PROJECT_ID = "1"
PERSONAL_KEY = "phx_standin"
SCOPES = frozenset(
    {"query:read", "person:read", "person:write"}
    | {"survey:write", "insight:write", "dashboard:write"}
)

_PATH = re.compile(r"/api/projects/([^/?]+)(/[^?]*)")


def answer_with(
    behaviour: Behaviour, ask: Callable[[], tuple[int, Mapping[str, Any]]]
) -> Behaviour:
    """Return the behaviour with the status and the body that `ask` returns. If `ask` raises a
    Refusal, return the answer that refuses the request."""
    try:
        status, found = ask()
    except Refusal as refusal:
        return answer(refusal.status, refusal.body)
    return replace(behaviour, status=status, body=json.dumps(found))


class AccessList:
    """The personal API keys that there are, each with its scopes."""

    def __init__(self) -> None:
        self.scopes = {PERSONAL_KEY: SCOPES}

    def check(self, path: str, authorization: str, scope: str) -> str:
        """Return what a path names within the project. Raise Refusal, as PostHog does, for a wrong
        key, a key without the scope, and another project."""
        key = authorization.removeprefix("Bearer ")
        if key == authorization or key not in self.scopes:
            raise Refusal(401, "authentication_failed", "Invalid personal API key.")
        match = _PATH.match(path)
        if match is None or match[1] != PROJECT_ID:
            raise Refusal(404, "not_found", "Project not found.")
        # Who may write may read.
        if not {scope, scope.replace(":read", ":write")} & set(self.scopes[key]):
            raise Refusal(403, "permission_denied", f"API key missing required scope '{scope}'")
        return match[2]
