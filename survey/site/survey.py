"""The survey: its page, and the submit of an answer."""

import math

import structlog
from flask import Blueprint, Response, render_template, request

from survey.errors import CsatError
from survey.growth import day_of
from survey.languages import find_language
from survey.rate_limits import Scope
from survey.receive import Arrival, Submission
from survey.refusals import Refused
from survey.site.context import SurveySite, current_site
from survey.site.deferred import DeferredResponse, SeeOther
from survey.site.form import Form, Problems, read_form
from survey.site.language import current_language, speak
from survey.site.limits import current_client, find_refusal, note_refusal
from survey.site.question import render_blank_question, render_question
from survey.site.receipt import issue_receipt
from survey.site.ticket_state import TicketState, find_ticket_state
from survey.site.visitor import Visitor, current_visitor
from survey.store.errors import StoreError
from survey.texts import face_labels, questions_in
from survey.vocabulary import Outcome

survey = Blueprint("survey", __name__)
log = structlog.get_logger()

Page = str | tuple[str, int] | tuple[str, int, dict[str, str]]


@survey.get("/")
def show_question() -> Page | Response:
    """Return the survey page. A visit to this page records nothing, whatever the link says."""
    visitor = current_visitor()
    state = current_ticket_state(visitor)
    earlier = state.own_answer
    if earlier is None:
        return render_blank_question(visitor.address("/"), visitor.link.rating)
    if state.outcome_now is Outcome.LATE_CHANGE:
        labels = face_labels(current_language())
        return render_template("too_late.html", labels=labels, rating=earlier.rating)
    form = Form(rating=visitor.link.rating or earlier.rating)
    return render_question(visitor.address("/"), form, answered_before=earlier.rating)


@survey.post("/")
def submit() -> Page | Response:
    """Take the answer. No other view records an answer."""
    visitor = current_visitor()
    form, problems = read_form(request.form)
    language = find_language(request.form.get("language"))
    if language is not None:
        # A button asks for the form in another language. The new form keeps what was filled in.
        speak(language)
        earlier = current_ticket_state(visitor).own_answer
        rating_before = earlier.rating if earlier else None
        return render_question(visitor.address("/"), form, answered_before=rating_before)
    if problems:
        return render_question(visitor.address("/"), form, problems=problems), 400
    assert form.rating is not None  # read_form reports a missing rating as a problem
    site = current_site()
    submission = Submission(
        link=visitor.link,
        trust=visitor.trust,
        rating=form.rating,
        comment=form.comment or None,
        submit_id=form.submit_id,
        questions=questions_in(current_language(), site.settings),
    )
    receipt = issue_receipt(site, submission.uuid)
    thanks = SeeOther(visitor.address("/thanks", answer=receipt))

    client, now = current_client(), site.clock()
    if refused := find_refusal(Scope.ANSWER, visitor, client):
        return _refuse(site, visitor, form, refused)
    network = client.hash_network(day_of(now), site.settings.secret_keys[0])

    def not_saved(error: CsatError) -> Page:
        if isinstance(error, Refused):
            return _refuse(site, visitor, form, error)
        log.error("answer not stored", reason=str(error))
        return render_question(visitor.address("/"), form, problems=Problems(not_saved=True)), 503

    return DeferredResponse(
        site,
        site.intake.submit(Arrival(submission, now, network)),
        stored=lambda _: thanks,
        failed=not_saved,
    )


def _refuse(site: SurveySite, visitor: Visitor, form: Form, refused: Refused) -> Page:
    """Return the page with all that was typed, and when it can be sent again."""
    note_refusal(site, refused)
    page = render_question(visitor.address("/"), form, problems=Problems(refused=refused))
    if refused.wait is None:
        return page, 429
    return page, 429, {"Retry-After": str(math.ceil(refused.wait.total_seconds()))}


def current_ticket_state(visitor: Visitor, sent: str | None = None) -> TicketState:
    """Return the state of the ticket and of the answer `sent`. Return an empty state while the
    store cannot be read, so that the page still opens and the customer can try to answer."""
    site = current_site()
    try:
        return find_ticket_state(
            site.database, site.rules, visitor.link, visitor.trust, site.clock(), sent
        )
    except StoreError as error:
        log.error("earlier answers not read", reason=str(error))
        return TicketState()
