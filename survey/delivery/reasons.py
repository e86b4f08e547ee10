"""Why a request got no answer, in words for the operator."""

import socket
import ssl
from collections.abc import Iterator


def describe_failure(error: BaseException | None) -> str:
    """Return what is wrong with the other side's certificate or name, if that is why a request got
    no answer; else the name of the error, because its message may repeat what was sent."""
    for cause in _causes_of(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is refused ({cause.verify_message})"
        if isinstance(cause, socket.gaierror):
            return "no address is known for its name"
    return type(error).__name__


def _causes_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, and the errors that it was made of: packages wrap them in several ways."""
    waiting, seen = [error], set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            wrapped = (each.__cause__, each.__context__, getattr(each, "reason", None))
            waiting += [*wrapped, *each.args]
