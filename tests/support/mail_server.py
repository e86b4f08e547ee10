"""A real SMTP server that remembers what it gets, and refuses what a test likes."""

import asyncio
import ssl
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from time import monotonic
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from demo.processes import free_port
from survey.clock import now

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
    connected: set[SMTP] = set()

    class OwnSmtp(SMTP):
        def connection_made(self, transport: Any) -> None:
            connected.add(self)
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            super().connection_lost(error)
            connected.discard(self)

    class OwnController(Controller):
        def factory(self) -> SMTP:
            with warnings.catch_warnings():
                # It says that passwords in clear are no good idea.
                warnings.simplefilter("ignore", UserWarning)
                return OwnSmtp(
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
        ended = _end_connections(controller.server, connected)
        asyncio.run_coroutine_threadsafe(ended, controller.loop).result(10)
        controller.stop()


async def _end_connections(listening: asyncio.AbstractServer, connected: set[SMTP]) -> None:
    """End what the controller leaves open: connections, those just accepted, and those whose TLS
    handshake has not ended, of which nobody but the server knows."""
    listening.close()
    quiet_rounds, ends_at = 0, monotonic() + 5
    while quiet_rounds < 3 and monotonic() < ends_at:
        for each in list(connected):
            if each.transport is not None:
                each.transport.abort()
        await asyncio.sleep(0.01)
        is_open = connected or getattr(listening, "_active_count", 0)
        quiet_rounds = 0 if is_open else quiet_rounds + 1


def self_signed(folder: Path) -> ssl.SSLContext:
    """What a server on this machine has: a certificate that nobody else has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = folder / "mail.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
