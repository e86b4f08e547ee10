"""The survey itself: the page, the submit, the thanks."""

from urllib.parse import urlencode
from uuid import uuid4

import structlog
from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as Redirect

from survey.events import RATING_QUESTION, Questions
from survey.links import LinkError, MissingTicket
from survey.receive import Arrival, Submission
from survey.scale import LABELS
from survey.site.context import current_site
from survey.site.errors import NO_TICKET, error_page
from survey.site.fed import look_up_fed
from survey.site.form import Form, read_form
from survey.site.question import form_context, render_blank_question, render_question
from survey.site.receipt import issue_receipt, read_receipt
from survey.site.situation import Situation, look_up
from survey.site.visit import Visit, current_visit
from survey.store.errors import StoreError
from survey.store.vocabulary import Outcome

survey = Blueprint("survey", __name__)
log = structlog.get_logger()

Page = str | tuple[str, int]


@survey.errorhandler(MissingTicket)
def show_missing_ticket(_error: MissingTicket) -> Page:
    """There is nothing an answer could belong to."""
    return error_page(400, *NO_TICKET)


@survey.errorhandler(LinkError)
def show_bad_link(_error: LinkError) -> Page:
    """The link was damaged on its way, or made up."""
    return error_page(
        400, "This link is damaged", "Please open it from the e-mail itself, without changing it."
    )


@survey.get("/")
def show_question() -> Page:
    """The survey page. Looking at it records nothing, whatever the link carries."""
    visit = current_visit()
    situation = _look_up(visit)
    earlier = situation.own_response
    if earlier is not None and situation.outcome_now is Outcome.LATE_CHANGE:
        return render_template("too_late.html", labels=LABELS, rating=earlier.rating)
    if earlier is None:
        return render_blank_question(_question_url(visit), visit.link.rating)
    form = Form(rating=visit.link.rating or earlier.rating)
    return render_question(_question_url(visit), form, answered_before=earlier.rating)


@survey.post("/")
def submit() -> Page | Redirect:
    """Take the answer; only this records one."""
    visit = current_visit()
    form, problems = read_form(request.form)
    if problems:
        return render_question(_question_url(visit), form, problems=problems), 400
    assert form.rating is not None  # read_form has a problem with a missing one
    site = current_site()
    submission = Submission(
        link=visit.link,
        trust=visit.trust,
        rating=form.rating,
        comment=form.comment or None,
        submit_id=form.submit_id,
        questions=Questions(rating=RATING_QUESTION),
    )
    try:
        answer = site.intake.submit(Arrival(submission, site.clock()))
    except StoreError as error:
        log.error("answer not stored", reason=str(error))
        problems = {
            "form": "We could not save your answer just now. Please send it again in a minute: "
            "everything you wrote is still here."
        }
        return render_question(_question_url(visit), form, problems=problems), 503
    receipt = issue_receipt(site, answer.uuid)
    return redirect(_address("/thanks", visit, answer=receipt), 303)


@survey.get("/thanks")
def thanks() -> Page:
    """The thank-you page: the face, this month's hedgehogs, and the way to change the answer."""
    visit = current_visit()
    site = current_site()
    answer = read_receipt(site, request.args.get("answer", ""), visit.link)
    if answer is None:
        return render_template("thanks.html", fed=look_up_fed(None), action=_question_url(visit))
    situation = _look_up(visit)
    standing = situation.own_response
    late = situation.outcomes.get(answer.uuid) is Outcome.LATE_CHANGE
    rating = standing.rating if standing else answer.rating
    comment = standing.comment if standing else answer.comment
    form = Form(rating=rating, comment=comment or "", submit_id=str(uuid4()))
    return render_template(
        "thanks.html",
        rating=rating,
        late=late,
        stands=late and standing is not None,
        fed=look_up_fed(standing),
        action=_question_url(visit),
        **form_context(form),
    )


def _look_up(visit: Visit) -> Situation:
    """What the store knows of the ticket; nothing while the store cannot be read, so that the
    page still opens and the answer can be tried."""
    site = current_site()
    try:
        return look_up(site.database, site.settings, visit.link, visit.trust, site.clock())
    except StoreError as error:
        log.error("earlier answers not read", reason=str(error))
        return Situation()


def _address(path: str, visit: Visit, **more: str) -> str:
    """One of our own pages, with the link that the visitor came by."""
    return f"{request.script_root}{path}?{urlencode({**visit.link.parameters(), **more})}"


def _question_url(visit: Visit) -> str:
    return _address("/", visit)
