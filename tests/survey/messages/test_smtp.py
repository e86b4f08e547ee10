"""Mails go to a real SMTP server, and what it says is understood."""

import socket
import threading
import time
from email.message import EmailMessage
from urllib.parse import quote

import pytest

from survey.delivery.failures import DeliveryError, FailureKind
from survey.messages import smtp
from survey.messages.mails import Mail
from survey.messages.smtp import MailServer, SmtpSender
from tests.support.certificates import self_signed
from tests.support.mail_server import PASSWORD, USER, mail_server
from tests.support.raw_server import endlessly, raw_server

SENDER, LEAD = "csat@example.com", "lead@example.com"


def content(text="hello"):
    message = EmailMessage()
    message["Subject"] = "Wütend 🦔"
    message["Message-ID"] = "<1@example.com>"
    message.set_content(text)
    return Mail.of(message, LEAD).content


def send(url, recipient=LEAD, sender=SENDER):
    SmtpSender(url, sender).send(content(), recipient)


def refusal(url, **options):
    with pytest.raises(DeliveryError) as raised:
        send(url, **options)
    return raised.value


def with_password(url, user=USER, password=PASSWORD):
    scheme, _, place = url.partition("://")
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{place}"


def test_a_mail_arrives_as_it_was_written():
    text = "ü 🦔\n.a dot\n..two\nFrom here\n" + "x" * 3_000 + "\n"
    with mail_server() as server:
        SmtpSender(server.url, SENDER).send(content(text), LEAD)
    (mail,) = server.mails
    assert (mail.sender, mail.recipient) == (SENDER, LEAD)
    assert mail.message["Subject"] == "Wütend 🦔"
    assert mail.message["Message-ID"] == "<1@example.com>"
    assert mail.text.replace("\r\n", "\n") == text
    assert not mail.is_encrypted


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.com", ("mail.example.com", 25, False, "", "")),
        ("smtps://mail.example.com", ("mail.example.com", 465, True, "", "")),
        ("smtp://a:b@mail.example.com:587", ("mail.example.com", 587, False, "a", "b")),
        ("smtp://a%40b:%2F%3F%23%25@h", ("h", 25, False, "a@b", "/?#%")),
        ("smtps://[::1]:1465", ("::1", 1465, True, "", "")),
    ],
)
def test_an_address_is_read(url, expected):
    server = MailServer.parse(url)
    assert (server.host, server.port, server.has_tls, server.user, server.password) == expected
    assert "/?#%" not in repr(server)


def test_a_password_is_sent_as_it_is_meant():
    with mail_server(wants_password=True) as server:
        send(with_password(server.url))
    assert server.logins[-1] == (USER, PASSWORD)
    assert len(server.mails) == 1


def test_a_wrong_password_is_a_setting_to_mend_and_is_not_repeated():
    with mail_server(wants_password=True) as server:
        error = refusal(with_password(server.url, password="wrong-secret"))
    assert error.kind is FailureKind.NEEDS_OPERATOR
    assert error.reason == ("the mail server does not take the password (535): check CSAT_SMTP_URL")
    assert "wrong-secret" not in error.error_message
    assert server.mails == []


def test_a_missing_password_is_a_setting_to_mend():
    with mail_server(wants_password=True) as server:
        error = refusal(server.url)
    assert (error.kind, "(530)" in error.reason) == (FailureKind.NEEDS_OPERATOR, True)


def test_a_password_for_a_server_that_takes_none_is_a_setting_to_mend():
    def speak(connection):
        converse(connection, {"EHLO": "250 raw"})

    with raw_server(speak, reads_request=False) as port:
        error = refusal(f"smtp://a:b@127.0.0.1:{port}")
    assert error.kind is FailureKind.NEEDS_OPERATOR
    assert "takes no password in a way that we know" in error.reason


def test_a_password_that_smtp_cannot_carry_is_a_setting_to_mend():
    with mail_server(wants_password=True) as server:
        error = refusal(with_password(server.url, password="pässword"))
    assert error.kind is FailureKind.NEEDS_OPERATOR
    assert "not in ASCII" in error.reason


def test_tls_is_used_where_it_is_offered(tmp_path):
    with mail_server(tls=self_signed(tmp_path), wants_password=True) as server:
        send(with_password(server.url))
    assert server.mails[0].is_encrypted


def test_tls_from_the_start(tmp_path):
    with mail_server(tls=self_signed(tmp_path), is_tls_from_the_start=True) as server:
        send(server.url.replace("smtp:", "smtps:"))
    assert len(server.mails) == 1


@pytest.fixture
def _elsewhere(monkeypatch):
    """The server is taken for one on another machine."""
    monkeypatch.setattr(smtp, "_is_loopback", lambda _connected: False)


@pytest.mark.usefixtures("_elsewhere")
@pytest.mark.parametrize("from_the_start", [False, True])
def test_on_another_machine_a_certificate_must_be_trusted(tmp_path, from_the_start):
    with mail_server(tls=self_signed(tmp_path), is_tls_from_the_start=from_the_start) as server:
        url = server.url.replace("smtp:", "smtps:") if from_the_start else server.url
        error = refusal(with_password(url))
    assert error.kind is FailureKind.NEEDS_OPERATOR
    assert "has a certificate that is not trusted" in error.reason
    assert (server.logins, server.mails) == ([], [])


@pytest.mark.usefixtures("_elsewhere")
def test_to_another_machine_a_password_never_goes_in_clear():
    with mail_server(wants_password=True) as server:
        error = refusal(with_password(server.url))
        assert error.kind is FailureKind.NEEDS_OPERATOR
        assert "offers no TLS, so the password is not sent" in error.reason
        assert server.logins == []


@pytest.mark.usefixtures("_elsewhere")
def test_without_a_password_a_mail_goes_to_a_server_without_tls():
    with mail_server() as server:
        send(server.url)
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("command", "reply", "kind", "reason"),
    [
        ("RCPT", "550 5.1.1 no such user", FailureKind.REJECTED, "refused the recipient (550)"),
        ("RCPT", "450 4.2.0 greylisted", FailureKind.DEFERRED, "the recipient yet (450)"),
        ("RCPT", "530 log in first", FailureKind.NEEDS_OPERATOR, "530: check CSAT_SMTP_URL"),
        ("RCPT", "421 closing", FailureKind.TRANSIENT, "answered 421"),
        ("MAIL", "553 not yours", FailureKind.NEEDS_OPERATOR, "(553): check CSAT_MAIL_FROM"),
        ("MAIL", "451 later", FailureKind.TRANSIENT, "answered 451"),
        ("MAIL", "552 too large", FailureKind.REJECTED, "refused the mail (552)"),
        ("DATA", "554 looks like spam", FailureKind.REJECTED, "refused the mail (554)"),
        ("DATA", "452 no room", FailureKind.DEFERRED, "did not take the mail yet (452)"),
        ("DATA", "421 closing", FailureKind.TRANSIENT, "answered 421"),
    ],
)
def test_what_the_server_says_decides(command, reply, kind, reason):
    with mail_server() as server:
        server.replies[command] = reply
        error = refusal(server.url)
    assert error.kind is kind
    assert reason in error.reason
    # The words of the server, and whom it is about, are for the operator, not for the log.
    assert reply.partition(" ")[2].split()[-1] in error.error_message
    assert LEAD not in error.reason


def test_words_of_the_server_are_printable_and_without_our_password():
    with mail_server(wants_password=True) as server:
        server.replies["RCPT"] = f"550 no \x1b[31m {PASSWORD}"
        error = refusal(with_password(server.url))
    assert error.error_message == f"to {LEAD}: no ?[31m ***"


@pytest.mark.parametrize(
    ("options", "kind", "reason"),
    [
        ({"recipient": "müller@example.com"}, FailureKind.REJECTED, "only to addresses in ASCII"),
        ({"sender": "müller@example.com"}, FailureKind.NEEDS_OPERATOR, "check CSAT_MAIL_FROM"),
    ],
)
def test_addresses_that_smtp_cannot_carry_are_named(options, kind, reason):
    with mail_server() as server:
        error = refusal(server.url, **options)
    assert (error.kind, reason in error.reason) == (kind, True)


def test_a_server_that_is_not_there_may_come_back():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = refusal(f"smtp://127.0.0.1:{port}")
    assert error.kind is FailureKind.TRANSIENT
    assert error.reason == (
        f"the mail server 127.0.0.1:{port} cannot be reached: ConnectionRefusedError"
    )


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [(b"554 go away\r\n", FailureKind.NEEDS_OPERATOR), (b"421 busy\r\n", FailureKind.TRANSIENT)],
)
def test_a_server_that_greets_with_a_refusal(greeting, kind):
    with raw_server(lambda c: c.sendall(greeting), reads_request=False) as port:
        assert refusal(f"smtp://127.0.0.1:{port}").kind is kind


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n", b"\xff\xfe\r\n"])
def test_a_server_that_does_not_speak_smtp(answer):
    with raw_server(lambda c: c.sendall(answer), reads_request=False) as port:
        assert refusal(f"smtp://127.0.0.1:{port}").kind is FailureKind.TRANSIENT


@pytest.fixture
def _short_deadline(monkeypatch):
    monkeypatch.setattr(smtp, "DEADLINE_SECONDS", 0.6)


@pytest.mark.usefixtures("_short_deadline")
@pytest.mark.parametrize("piece", [b"220-wait\r\n", b"2"])
def test_the_conversation_as_a_whole_ends_in_time(piece):
    over = threading.Event()
    with raw_server(endlessly(b"", piece, over), reads_request=False) as port:
        began = time.monotonic()
        error = refusal(f"smtp://127.0.0.1:{port}")
        assert time.monotonic() - began < 3
        over.set()
    assert error.kind is FailureKind.TRANSIENT
    assert "has not accepted it within 0.6 s" in error.reason
    wait_for_end_of_conversations()


@pytest.mark.usefixtures("_short_deadline")
def test_a_name_that_is_found_too_late_gets_no_mail(monkeypatch):
    found = threading.Event()
    look_up = socket.getaddrinfo

    def slowly(*arguments, **options):
        found.wait(10)
        return look_up(*arguments, **options)

    with mail_server() as server:
        monkeypatch.setattr(socket, "getaddrinfo", slowly)
        assert refusal(server.url).kind is FailureKind.TRANSIENT
        found.set()
        wait_for_end_of_conversations()
        monkeypatch.undo()
    assert server.mails == []


@pytest.mark.usefixtures("_short_deadline")
def test_a_mail_is_sent_when_it_is_accepted_whatever_the_server_does_then():
    def speak(connection):
        converse(connection, {"QUIT": None})

    with raw_server(speak, reads_request=False) as port:
        send(f"smtp://127.0.0.1:{port}")
    wait_for_end_of_conversations()


def converse(connection, replies):
    """Speak SMTP by hand: accept everything, except what `replies` says; None is no reply."""
    lines = connection.makefile("rb")
    connection.sendall(b"220 raw\r\n")
    is_content = False
    for line in lines:
        command = line[:4].decode().strip().upper()
        if is_content:
            if line != b".\r\n":
                continue
            is_content, command = False, "END"
        elif command == "DATA":
            is_content = True
        reply = replies.get(command, "354 go on" if is_content else "250 OK")
        if reply is None:
            time.sleep(1)
            return
        connection.sendall(f"{reply}\r\n".encode())


def wait_for_end_of_conversations():
    for thread in threading.enumerate():
        if thread.name == "smtp":
            thread.join(10)
            assert not thread.is_alive()
