"""The thank-you page."""

from uuid import uuid4

from flask import Blueprint, render_template, request

from survey.site.context import current_site
from survey.site.fed_hedgehog import find_fed_hedgehog
from survey.site.form import Form
from survey.site.language import current_language
from survey.site.question import form_context
from survey.site.receipt import read_receipt
from survey.site.survey import current_ticket_state
from survey.site.visitor import current_visitor
from survey.vocabulary import Outcome

thanks = Blueprint("thanks", __name__)


@thanks.get("/thanks")
def show_thanks() -> str:
    """Return the page with the face, the hedgehogs, and a form to change the answer.

    Without a valid receipt, show only what anybody may know.
    """
    visitor = current_visitor()
    site = current_site()
    settings = site.settings
    context = {
        "action": visitor.address("/"),
        "thanks_text": settings.thanks_text.get(current_language().tag),
    }
    answer = read_receipt(site, request.args.get("answer", ""), visitor.link)
    if answer is None:
        return render_template("thanks.html", fed_hedgehog=find_fed_hedgehog(None), **context)
    state = current_ticket_state(visitor, answer.uuid)
    standing = state.own_answer
    outcome = state.outcome_of_sent
    late = outcome is Outcome.LATE_CHANGE
    rating = standing.rating if standing else answer.rating
    comment = standing.comment if standing else answer.comment
    form = Form(rating=rating, comment=comment or "", submit_id=str(uuid4()))
    return render_template(
        "thanks.html",
        rating=rating,
        fed_hedgehog=find_fed_hedgehog(state.own_response),
        changed=outcome is Outcome.EDIT,
        late=late,
        stands=late and standing is not None,
        **context,
        **form_context(form),
    )
