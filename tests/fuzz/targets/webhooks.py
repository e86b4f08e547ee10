"""Bodies of the help desk's webhook, signed or not: refused by name, or kept as they are."""

from datetime import UTC, datetime

from survey.store.tickets import find_ticket
from survey.zendesk.receiving import Webhook, receive_webhooks
from survey.zendesk.signature import find_fault, sign_delivery
from survey.zendesk.webhook import BadWebhook, check_invocation_id, read_webhook
from tests.fuzz.store import new_store
from tests.support.settings import make_settings
from tests.support.zendesk_webhook import webhook_body

AT = datetime(2026, 10, 14, 9, 31, tzinfo=UTC)
SETTINGS = make_settings(zendesk_webhook_secret="secret", invite="off")
SEEDS = (
    b"1\n2026-10-14T09:31:00Z\n" + webhook_body(),
    b"\n2026-10-14T09:31:00+00:00\n" + webhook_body(status="Deleted", tags=["a", "b"], group=""),
    b"x\xff\n2026-10-14T09:31:00\n" + webhook_body(ticket_id="42.0", created_at="", priority="Low"),
    b"1\n\n{}",
)


def check(data: bytes) -> None:
    """Raise for a delivery that is neither refused by name nor kept."""
    head, _, body = data.partition(b"\n")
    stamp, _, body = body.partition(b"\n")
    # Headers are bytes, which a server hands on as Latin-1.
    invocation, timestamp = head.decode("latin-1"), stamp.decode("latin-1")
    for signature in (sign_delivery("secret", timestamp, body), invocation):
        fault = find_fault(
            secret="secret", signature=signature, timestamp=timestamp, body=body, now=AT
        )
        assert fault is None or "secret" not in fault
        assert signature != invocation or fault
    try:
        webhook = Webhook(read_webhook(body), check_invocation_id(invocation), AT)
    except BadWebhook:
        return
    with new_store() as database:
        assert receive_webhooks(database, SETTINGS, [webhook]) == [True]
        is_new = webhook.invocation_id is None
        assert receive_webhooks(database, SETTINGS, [webhook]) == [is_new]
        with database.reading() as connection:
            kept = find_ticket(connection, webhook.update.ticket_id)
    assert kept is not None
    assert kept.status is webhook.update.status
