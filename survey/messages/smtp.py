"""Sends mails by SMTP: one conversation with the mail server for each mail, which ends in time."""

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self
from urllib.parse import unquote, urlsplit

from survey.addresses import HIDDEN
from survey.delivery.answer import printable
from survey.delivery.failures import DeliveryError, FailureKind
from survey.delivery.reasons import describe_failure

# The longest time for a whole conversation, from the lookup of the name to the acceptance.
DEADLINE_SECONDS = 30.0
# The longest time for one step of it.
STEP_SECONDS = 10.0
# The codes of a server that wants a password, or does not take ours.
_PASSWORD_CODES = frozenset({530, 535})
# The codes of a server that finds a mail too large, which some give in answer to the sender.
_SIZE_CODES = frozenset({523, 552})
_CLOSING = 421
# A reply that is no reply.
_NO_CODE = -1


@dataclass(frozen=True, repr=False)
class MailServer:
    """The mail server, as CSAT_SMTP_URL names it. `has_tls` says that the connection begins with
    TLS; without, it is used where the server offers it."""

    host: str
    port: int
    has_tls: bool
    user: str
    password: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the server of `smtp://user:password@host:port` or `smtps://…`, which the settings
        have checked."""
        parts = urlsplit(url)
        has_tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname or "",
            port=parts.port or (smtplib.SMTP_SSL_PORT if has_tls else smtplib.SMTP_PORT),
            has_tls=has_tls,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    @property
    def address(self) -> str:
        """The host and port, for people."""
        return f"{self.host}:{self.port}"


class SmtpSender:
    """A sender of mails to one recipient each. Any number of threads may use it."""

    def __init__(self, url: str, sender: str) -> None:
        self._server = MailServer.parse(url)
        self._sender = sender

    def send(self, content: str, recipient: str) -> None:
        """Send a whole MIME message in ASCII to one address; return when the server has accepted
        it. Raises DeliveryError otherwise.

        The conversation runs in a thread, because nothing can interrupt the lookup of a name. A
        conversation that was given up sends nothing any more.
        """
        if not self._sender.isascii():
            reason = "the sender's address is not in ASCII: check CSAT_MAIL_FROM"
            raise DeliveryError(FailureKind.NEEDS_OPERATOR, reason)
        if not recipient.isascii():
            reason = "mails go only to addresses in ASCII"
            raise DeliveryError(FailureKind.REJECTED, reason, f"to {recipient}")
        mail = content.encode("ascii")

        def send_mail(client: smtplib.SMTP) -> None:
            client.sendmail(self._sender, [recipient], mail)

        _converse(_Conversation(self._server, send_mail, recipient), DEADLINE_SECONDS)


def try_log_in(url: str, seconds: float) -> str:
    """Greet the server of CSAT_SMTP_URL and log in there, but send no mail; return its address.
    Raises DeliveryError if it does not take that within a time."""
    server = MailServer.parse(url)
    _converse(_Conversation(server, lambda _client: None), seconds)
    return server.address


def _converse(conversation: "_Conversation", seconds: float) -> None:
    """Let a conversation take its course, for a time. Raises DeliveryError if the server did not
    accept in it what we wanted."""
    conversation.start()
    conversation.join(seconds)
    is_late = conversation.is_alive()
    conversation.end()
    if conversation.is_accepted:
        return
    if is_late or conversation.failure is None:
        raise _transient(conversation.server, f"has not accepted it within {seconds:g} s")
    raise conversation.failure


class _Conversation(threading.Thread):
    """A thread that logs in at a server and asks one thing of it. It is a daemon, so a process that
    ends does not wait.

    `is_accepted` is true as soon as the server has accepted what was asked; `failure` is the error
    with which the thread ended, or None. `recipient` is whom a mail is for.
    """

    def __init__(
        self, server: MailServer, ask: Callable[[smtplib.SMTP], None], recipient: str = ""
    ) -> None:
        super().__init__(daemon=True, name="smtp")
        self.is_accepted = False
        self.failure: Exception | None = None
        self.server = server
        self._ask, self._recipient = ask, recipient
        self._lock = threading.Lock()
        self._is_over = False
        self._connected: socket.socket | None = None

    def run(self) -> None:
        """Ask, and keep the error."""
        try:
            self._converse()
        except Exception as error:
            self.failure = _explain(error, self.server, self._recipient)

    def end(self) -> None:
        """End the connection, also under a thread that waits for it."""
        with self._lock:
            self._is_over = True
            if self._connected is not None:
                with contextlib.suppress(OSError):
                    self._connected.shutdown(socket.SHUT_RDWR)
                self._connected.close()

    def admit(self, connected: socket.socket) -> None:
        """Remember a connection, so that it can be ended. Raises TimeoutError if it is too late.

        A second handle of it is kept: TLS replaces the first one.
        """
        with self._lock:
            if self._is_over:
                raise TimeoutError
            self._connected = connected.dup()

    def _converse(self) -> None:
        client = _Client(self.server, self.admit)
        try:
            client.begin()
            client.secure()
            client.log_in()
            self._ask(client)
            self.is_accepted = True
            client.quit()
        finally:
            client.close()


class _Client(smtplib.SMTP):
    """A client that hands over its connection when it is made."""

    def __init__(self, server: MailServer, admit: Callable[[socket.socket], None]) -> None:
        super().__init__(timeout=STEP_SECONDS)
        self._server = server
        self._admit = admit
        self._host = server.host  # the name that `starttls` expects in the certificate
        self._is_local = False

    def begin(self) -> None:
        """Connect, and greet the server."""
        code, words = self.connect(self._server.host, self._server.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, words)
        self.ehlo_or_helo_if_needed()

    def secure(self) -> None:
        """Begin TLS if the server offers it. Raises DeliveryError where a password would go out
        without it."""
        if self._server.has_tls:
            return
        if self.has_extn("starttls"):
            self.starttls(context=self._context())
            self.ehlo()
        elif self._server.password and not self._is_local:
            raise _needs_operator("offers no TLS, so the password is not sent", "CSAT_SMTP_URL")

    def log_in(self) -> None:
        """Log in, if a password or user is set."""
        server = self._server
        if not (server.user or server.password):
            return
        try:
            self.login(server.user, server.password)
        except smtplib.SMTPAuthenticationError as error:
            if error.smtp_code < 500:
                raise
            words = _words(error.smtp_error, server)
            problem = f"does not take the password ({error.smtp_code})"
            raise _needs_operator(problem, "CSAT_SMTP_URL", words) from None
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPException:
            raise _needs_operator(
                "takes no password in a way that we know", "CSAT_SMTP_URL"
            ) from None
        except UnicodeError:
            problem = "cannot be told a user or password that is not in ASCII"
            raise _needs_operator(problem, "CSAT_SMTP_URL") from None

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connected = socket.create_connection((host, port), timeout)
        try:
            self._admit(connected)
            self._is_local = _is_loopback(connected)
            if self._server.has_tls:
                return self._context().wrap_socket(connected, server_hostname=host)
        except BaseException:
            connected.close()
            raise
        return connected

    def _context(self) -> ssl.SSLContext:
        """Return how to use TLS. On this machine nobody else can listen, and a mail server there
        has often a certificate that it has signed itself."""
        context = ssl.create_default_context()
        if self._is_local:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _is_loopback(connected: socket.socket) -> bool:
    """Return whether the other end of a connection is on this machine."""
    host = str(connected.getpeername()[0]).partition("%")[0]
    return ip_address(host).is_loopback


def _explain(error: Exception, server: MailServer, recipient: str) -> Exception:
    """Return the DeliveryError for an error of a conversation; an error of our own code is returned
    as it is."""
    if isinstance(error, DeliveryError):
        return error
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = error.recipients[recipient]
        return _refused(code, _words(words, server), server, "the recipient", recipient)
    if isinstance(error, smtplib.SMTPResponseException):
        code, message = error.smtp_code, _words(error.smtp_error, server)
        is_about_mail = isinstance(error, smtplib.SMTPDataError) or code in _SIZE_CODES
        if is_about_mail:
            return _refused(code, message, server, "the mail", recipient)
        if code < 500:
            return _transient(server, f"answered {code}", message)
        if isinstance(error, smtplib.SMTPSenderRefused):
            return _needs_operator(f"refused the sender ({code})", "CSAT_MAIL_FROM", message)
        return _needs_operator(f"answered {code}", "CSAT_SMTP_URL", message)
    if isinstance(error, ssl.SSLCertVerificationError):
        problem = f"has a certificate that is not trusted: {error.verify_message}"
        return _needs_operator(problem, "CSAT_SMTP_URL")
    if isinstance(error, OSError):  # those of smtplib, too
        return _transient(server, f"cannot be reached: {describe_failure(error)}")
    return error


def _refused(code: int, words: str, server: MailServer, what: str, recipient: str) -> DeliveryError:
    """Return the error for a server that did not take one mail, or one recipient."""
    message = f"to {recipient}: {words}"
    if code in _PASSWORD_CODES:
        return _needs_operator(f"answered {code}", "CSAT_SMTP_URL", message)
    if code in (_CLOSING, _NO_CODE):
        return _transient(server, f"answered {code}", message)
    if code >= 500:
        reason = f"the mail server refused {what} ({code})"
        return DeliveryError(FailureKind.REJECTED, reason, message)
    reason = f"the mail server did not take {what} yet ({code})"
    return DeliveryError(FailureKind.DEFERRED, reason, message)


def _transient(server: MailServer, problem: str, message: str = "") -> DeliveryError:
    reason = f"the mail server {server.address} {problem}"
    return DeliveryError(FailureKind.TRANSIENT, reason, message)


def _needs_operator(problem: str, setting: str, message: str = "") -> DeliveryError:
    reason = f"the mail server {problem}: check {setting}"
    return DeliveryError(FailureKind.NEEDS_OPERATOR, reason, message)


def _words(words: bytes | str, server: MailServer) -> str:
    """Return what a server said, in one printable line, without our password."""
    text = words if isinstance(words, str) else words.decode(errors="replace")
    return printable(text.replace(server.password, HIDDEN) if server.password else text)
