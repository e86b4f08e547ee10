"""The limits of the site: who sends too much is refused, but no customer whom we know."""

import structlog
from flask import request

from survey.clients import Client, hash_link
from survey.growth import day_of
from survey.links import anonymous_person
from survey.pseudonyms import is_same_person, pseudonyms_of
from survey.rate_limits import Scope
from survey.refusals import Refused
from survey.site.context import SurveySite, current_site
from survey.site.visitor import Visitor
from survey.store.errors import StoreError
from survey.store.responses import has_answer_of
from survey.store.tickets import find_requester
from survey.vocabulary import Trust

log = structlog.get_logger()


def find_refusal(scope: Scope, visitor: Visitor, client: Client) -> Refused | None:
    """Count a submit of a visitor. Return the refusal if there were too many.

    A signed link is never counted. The requester of a known ticket, and who has answered the ticket
    before, are never refused: this is looked up only when a limit is over.
    """
    if visitor.trust is Trust.SIGNED:
        return None
    site, link = current_site(), visitor.link
    secret = site.settings.secret_keys[0]
    hashed_link = hash_link(link.ticket_id, link.person, secret)
    refused = site.rate_limits.take(scope, client.hash(secret), hashed_link, site.clock())
    return None if refused is None or _is_customer(site, visitor) else refused


def refuses_client(scope: Scope) -> bool:
    """Count a request that names no link; return whether its client sent too many."""
    site = current_site()
    client = current_client().hash(site.settings.secret_keys[0])
    return site.rate_limits.take(scope, client, None, site.clock()) is not None


def current_client() -> Client:
    """Return the client of the current request."""
    return Client(request.environ.get("REMOTE_ADDR", ""))


def note_refusal(site: SurveySite, refused: Refused) -> None:
    """Count an answer that was refused, for the operator."""
    site.refusals.add((day_of(site.clock()), refused.figure))


def _is_customer(site: SurveySite, visitor: Visitor) -> bool:
    link = visitor.link
    # A link without a distinct_id names nobody: anybody who guesses the ticket has the same link.
    if link.person == anonymous_person(link.ticket_id):
        return False
    try:
        requester = find_requester(site.database, link.ticket_id)
        if requester and is_same_person(link.distinct_id, requester, site.rules.secrets):
            return True
        # The person may have been erased since.
        names = (link.person, *pseudonyms_of(link.person, site.rules.secrets))
        return any(has_answer_of(site.database, link.ticket_id, name) for name in names)
    except StoreError as error:
        # Nobody is refused for want of knowledge. If the answer cannot be stored either, that is
        # said of it.
        log.error("customer not looked up", reason=str(error))
        return True
