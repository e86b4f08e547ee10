"""`POST /hooks/zendesk`: Zendesk tells of a ticket that was solved, reopened or changed."""

import structlog
from flask import Blueprint, Response, abort, request
from werkzeug.exceptions import RequestEntityTooLarge

from survey.errors import CsatError
from survey.rate_limits import Scope
from survey.site.context import current_site
from survey.site.deferred import DeferredResponse
from survey.site.limits import refuses_client
from survey.zendesk.receiving import Webhook
from survey.zendesk.signature import find_fault
from survey.zendesk.webhook import BadWebhook, check_invocation_id, read_webhook

hooks = Blueprint("hooks", __name__)
log = structlog.get_logger()

# A ticket has some hundred tags at most; all else is short.
MAX_BODY_BYTES = 64 * 1024
# Zendesk tries again soon if the answer says when, within a minute.
RETRY_SECONDS = 15


@hooks.post("/hooks/zendesk")
def take_zendesk_webhook() -> Response:
    """Keep what a webhook says of a ticket, and answer 204 when it is stored.

    There is no such page if `CSAT_ZENDESK_WEBHOOK_SECRET` is not set. Answer 401 for a delivery
    that is not signed, or not now, 400 for one that cannot be read, and 503 while nothing can be
    stored; these keep nothing.
    """
    site = current_site()
    secret = site.settings.zendesk_webhook_secret
    if secret is None:
        abort(404)
    request.max_content_length = MAX_BODY_BYTES
    body = request.get_data(cache=False)
    now = site.clock()
    fault = find_fault(
        secret=secret.get_secret_value(),
        signature=_header("Signature"),
        timestamp=_header("Signature-Timestamp"),
        body=body,
        now=now,
    )
    if fault is not None and refuses_client(Scope.BAD_WEBHOOK):
        return _answer(429, "Too many deliveries came that are not signed by Zendesk.")
    if fault is not None:
        log.warning("webhook refused", reason=fault)
        return _answer(401, "This delivery is not signed by Zendesk, or was not signed now.")
    try:
        webhook = Webhook(read_webhook(body), check_invocation_id(_header("Invocation-Id")), now)
    except BadWebhook as error:
        log.error("webhook not understood", reason=str(error))
        return _answer(400, f"This webhook cannot be read: {error}.")
    return DeferredResponse(
        site,
        site.webhook_intake.submit(webhook),
        stored=lambda _is_new: Response(status=204),
        failed=_not_stored,
    )


@hooks.errorhandler(RequestEntityTooLarge)
def refuse_size(_error: RequestEntityTooLarge) -> Response:
    """Answer 413 in words for the operator, who reads them in Zendesk's list of deliveries."""
    return _answer(413, f"This webhook has more than {MAX_BODY_BYTES // 1024} kB.")


def _header(name: str) -> str:
    return request.headers.get(f"X-Zendesk-Webhook-{name}", "")


def _not_stored(error: CsatError) -> Response:
    log.error("webhook not stored", reason=str(error))
    answer = _answer(503, "This webhook could not be stored. Please send it again.")
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def _answer(status: int, words: str) -> Response:
    return Response(f"{words}\n", status, mimetype="text/plain")
