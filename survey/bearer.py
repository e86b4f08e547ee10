"""The `Authorization` header of requests with a key."""

import requests


class Bearer(requests.auth.AuthBase):
    """A key that is sent with each request, or none. Without an object like this, `requests` would
    take what the file `.netrc` has for the host."""

    def __init__(self, key: str | None) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request with the header, if there is a key."""
        if self._key is not None:
            request.headers["Authorization"] = f"Bearer {self._key}"
        return request
