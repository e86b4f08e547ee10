"""A real SMTP server that remembers what it gets, and refuses what a test likes."""

import asyncio
import ssl
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from demo.processes import free_port

# What must be written percent-encoded in an address.
USER, PASSWORD = "us er@x", "p@ss/word:%?#"


@dataclass(frozen=True)
class Received:
    """A mail that was accepted: the envelope, what it says, and how it came."""

    sender: str
    recipient: str
    message: EmailMessage
    is_encrypted: bool

    @property
    def text(self) -> str:
        """Its plain text, as a mail program shows it."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """Its HTML."""
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        assert part is not None
        content: str = part.get_content()
        return content


@dataclass
class MailServer:
    """What a test sees of the server. `replies` says what is answered instead of an acceptance: by
    the command (`MAIL`, `RCPT`, `DATA`), or by a recipient's address."""

    port: int
    mails: list[Received] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)
    logins: list[tuple[str, str]] = field(default_factory=list)
    on_acceptance: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_MAIL(
        self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.replies.get("MAIL", "250 OK")

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        reply = self.replies.get(address, self.replies.get("RCPT", "250 OK"))
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        reply = self.replies.get("DATA", "250 OK")
        if reply.startswith("250"):
            message = message_from_bytes(envelope.content, policy=default)
            assert isinstance(message, EmailMessage)
            self.mails += [
                Received(envelope.mail_from, recipient, message, session.ssl is not None)
                for recipient in envelope.rcpt_tos
            ]
            self.on_acceptance()
        return reply

    def log_in(self, _server: Any, _session: Any, _envelope: Any, _how: str, given: Any) -> Any:
        assert isinstance(given, LoginPassword)
        self.logins.append((given.login.decode(), given.password.decode()))
        is_right = self.logins[-1] == (USER, PASSWORD)
        return AuthResult(success=is_right, handled=False)


@contextmanager
def mail_server(
    *,
    tls: ssl.SSLContext | None = None,
    is_tls_from_the_start: bool = False,
    wants_password: bool = False,
) -> Iterator[MailServer]:
    """A running server: plain, or with STARTTLS, or with TLS from the start."""
    server = MailServer(free_port())

    class OwnController(Controller):
        def factory(self) -> SMTP:
            with warnings.catch_warnings():
                # It says that passwords in clear are no good idea.
                warnings.simplefilter("ignore", UserWarning)
                return SMTP(
                    server,
                    hostname="mail.test",
                    tls_context=None if is_tls_from_the_start else tls,
                    authenticator=server.log_in,
                    auth_required=wants_password,
                    auth_require_tls=False,
                )

    context = tls if is_tls_from_the_start else None
    controller = OwnController(server, hostname="127.0.0.1", port=server.port, ssl_context=context)
    controller.start()
    try:
        yield server
    finally:
        ended = _end_connections(controller.loop)
        asyncio.run_coroutine_threadsafe(ended, controller.loop).result(10)
        controller.stop()


async def _end_connections(loop: Any) -> None:
    """End the connections that the controller leaves open. Nobody connects any more.

    A connection that is accepted while the server closes would stay open for ever, so the loop
    first gets the time to take those that wait.
    """
    for _ in range(3):
        await asyncio.sleep(0.005)
    # A transport has no socket any more when it is closed.
    while left := [each for each in loop._transports.values() if each._sock is not None]:
        for transport in left:
            transport.abort()
        await asyncio.sleep(0.005)
