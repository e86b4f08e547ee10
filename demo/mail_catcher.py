"""A mail server for the demo: takes every mail, and keeps it to be looked at."""

import socketserver
import threading
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


@dataclass(frozen=True)
class CaughtMail:
    """A mail that was taken: to whom it goes, and what it says."""

    recipient: str
    subject: str
    html: str


class MailCatcher:
    """A mail server on a port of its own. `mails` holds what it took, in order."""

    def __init__(self) -> None:
        self.mails: list[CaughtMail] = []
        self._server = _Server(self)

    def __enter__(self) -> "MailCatcher":
        threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.02},
            name="mail-catcher",
            daemon=True,
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address of the server, as `CSAT_SMTP_URL` has it."""
        return f"smtp://127.0.0.1:{self._server.server_address[1]}"

    def take(self, recipient: str, content: bytes) -> None:
        """Keep a mail."""
        message = message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        part = message.get_body(("html", "plain"))
        html = "" if part is None else part.get_content()
        self.mails.append(CaughtMail(recipient, str(message["Subject"]), html))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, catcher: MailCatcher) -> None:
        self.catcher = catcher
        super().__init__(("127.0.0.1", 0), _Conversation)


class _Conversation(socketserver.StreamRequestHandler):
    """One conversation: what our own sender needs of SMTP, and no more."""

    server: _Server

    def handle(self) -> None:
        self._say("220 demo")
        recipient = ""
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                recipient = line.decode().partition("<")[2].partition(">")[0]
            if verb == b"DATA":
                self._say("354 go on")
                self.server.catcher.take(recipient, self._read_content())
            self._say("221 bye" if verb == b"QUIT" else "250 OK")
            if verb == b"QUIT":
                return

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())

    def _read_content(self) -> bytes:
        lines = iter(self.rfile.readline, b".\r\n")
        # A line that begins with a dot comes with another one before it.
        return b"".join(line.removeprefix(b".") for line in lines)
