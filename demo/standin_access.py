"""The keys of the stand-in's app: which projects and scopes they have."""

import re

from demo.wire import Refusal

# The only project that the stand-in knows, and the only key that may ask about it.
PROJECT_ID = "1"
PERSONAL_KEY = "phx_standin"
SCOPES = frozenset(
    {"query:read", "person:read", "person:write"}
    | {"survey:write", "insight:write", "dashboard:write"}
)

_PATH = re.compile(r"/api/projects/([^/?]+)(/[^?]*)")


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
