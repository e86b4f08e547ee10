"""The thank-you page."""

from uuid import uuid4

from flask import Blueprint, render_template, request

from survey.site.context import current_site
from survey.site.fed import look_up_fed
from survey.site.form import Form
from survey.site.language import current_language
from survey.site.question import form_context
from survey.site.receipt import read_receipt
from survey.site.survey import find_situation
from survey.site.visit import current_visit
from survey.vocabulary import Outcome

thanks = Blueprint("thanks", __name__)


@thanks.get("/thanks")
def show_thanks() -> str:
    """The face, this month's hedgehogs, and the way to change the answer.

    Without a receipt that is good, only what anybody may know.
    """
    visit = current_visit()
    site = current_site()
    settings = site.settings
    context = {
        "action": visit.address("/"),
        "thanks_text": settings.thanks_text.get(current_language().tag),
    }
    answer = read_receipt(site, request.args.get("answer", ""), visit.link)
    if answer is None:
        return render_template("thanks.html", fed=look_up_fed(None), **context)
    situation = find_situation(visit, answer.uuid)
    standing = situation.own_response
    outcome = situation.outcome_of_sent
    late = outcome is Outcome.LATE_CHANGE
    rating = standing.rating if standing else answer.rating
    comment = standing.comment if standing else answer.comment
    form = Form(rating=rating, comment=comment or "", submit_id=str(uuid4()))
    return render_template(
        "thanks.html",
        rating=rating,
        fed=look_up_fed(standing),
        changed=outcome is Outcome.EDIT,
        late=late,
        stands=late and standing is not None,
        **context,
        **form_context(form),
    )
