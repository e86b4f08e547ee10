"""The headers of every answer of every site: browsers keep nothing, tell nobody from where somebody
comes, show the page in no frame, and may do no more than its policy says. Pure."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from survey.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Headers = Sequence[tuple[str, str]]

# A browser that was here once asks for no page without TLS for so long.
_YEAR = 365 * 24 * 60 * 60

# Our pages need no feature of a browser that can be switched off. These are the features that
# browsers know; a name that a browser does not know would be a line in its console.
_FEATURES = (
    *("accelerometer", "autoplay", "browsing-topics", "camera", "clipboard-read"),
    *("clipboard-write", "compute-pressure", "cross-origin-isolated", "display-capture"),
    *("encrypted-media", "fullscreen", "gamepad", "geolocation", "gyroscope", "hid"),
    *("identity-credentials-get", "idle-detection", "keyboard-map", "local-fonts"),
    *("magnetometer", "microphone", "midi", "otp-credentials", "payment", "picture-in-picture"),
    *("publickey-credentials-create", "publickey-credentials-get", "screen-wake-lock", "serial"),
    *("speaker-selection", "storage-access", "sync-xhr", "usb", "window-management"),
    "xr-spatial-tracking",
)
_NOTHING_ALLOWED = ", ".join(f"{name}=()" for name in _FEATURES)


def list_headers(sources: str, *, has_tls: bool) -> list[tuple[str, str]]:
    """Return the headers of every answer of a site.

    `sources` is the part of its Content-Security-Policy that says what its pages may load and run:
    everything else is forbidden. `has_tls` says whether the site is reached by TLS alone.
    """
    headers = [
        ("Cache-Control", "no-store"),
        (
            "Content-Security-Policy",
            f"default-src 'none'; {sources}; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'",
        ),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", _NOTHING_ALLOWED),
        # The address may hold a customer's distinct_id, so no other site may learn the address.
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        # For browsers that do not know `frame-ancestors`.
        ("X-Frame-Options", "DENY"),
        ("X-Robots-Tag", "noindex, nofollow"),
    ]
    if has_tls:
        headers.append(("Strict-Transport-Security", f"max-age={_YEAR}"))
    return headers


def has_tls(settings: Settings) -> bool:
    """Return whether the site is reached by TLS alone."""
    return settings.base_url.startswith("https://")


def allow_inline(inline: str) -> str:
    """Return the policy's source that allows exactly this style sheet or script inside a page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"


class WithHeaders:
    """A WSGI application that adds headers to every answer of another one, as the last step. A
    header that the answer has already stays as it is."""

    def __init__(self, application: "WSGIApplication", headers: Headers) -> None:
        self._application = application
        self._headers = headers

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request."""

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            given = {name.lower() for name, _ in headers}
            ours = [(name, value) for name, value in self._headers if name.lower() not in given]
            return start_response(status, headers + ours, exc_info)

        return self._application(environ, start)
