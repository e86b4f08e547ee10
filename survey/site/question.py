"""Rendering the question page. Most customers get the blank page, which is rendered only once."""

import math
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from flask import Response, render_template
from flask_babel import format_timedelta
from markupsafe import escape

from survey.refusals import Refused
from survey.site.compression import PageWithGap, takes_gzip
from survey.site.context import current_site
from survey.site.form import MAX_COMMENT_LENGTH, Form, Problems
from survey.site.language import current_language
from survey.texts import face_labels, questions_in

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

# The rendered blank page holds these texts in the places of each customer's own values.
_ACTION_PLACE = "@@action@@"
_SUBMIT_ID_PLACE = "@@submit_id@@"


def render_blank_question(action: str, rating: int | None) -> Response:
    """Return the page for a ticket without answers, with the link's face preselected, if any."""
    pages = current_site().blank_pages
    which = (current_language().tag, rating)
    if which not in pages:
        pages[which] = _blank_page(rating)
    page, gap_text = pages[which]
    # Replace the action last: it holds a stranger's text, in which nothing may be replaced.
    gap = gap_text.replace(_SUBMIT_ID_PLACE, str(uuid4())).replace(_ACTION_PLACE, escape(action))
    if not takes_gzip():
        return Response(page.filled(gap.encode()))
    return Response(page.filled_gzip(gap.encode()), headers={"Content-Encoding": "gzip"})


def _blank_page(rating: int | None) -> tuple[PageWithGap, str]:
    """Return the page and the text of its gap. The gap goes from the first of a customer's own
    values to the last; these values are next to each other."""
    blank = Form(rating=rating, submit_id=_SUBMIT_ID_PLACE)
    html = render_question(_ACTION_PLACE, blank)
    begin = html.index(_ACTION_PLACE)
    end = html.index(_SUBMIT_ID_PLACE) + len(_SUBMIT_ID_PLACE)
    return PageWithGap(html[:begin].encode(), html[end:].encode()), html[begin:end]


def render_question(
    action: str,
    form: Form,
    *,
    problems: Problems | None = None,
    answered_before: int | None = None,
) -> str:
    """Return the page with a form that was filled in, and with its problems.

    `answered_before` is the rating of this person's response, if there is one.
    """
    form = replace(form, submit_id=form.submit_id or str(uuid4()))
    return render_template(
        "question.html",
        action=action,
        answered_before=answered_before,
        **form_context(form, problems),
    )


def form_context(form: Form, problems: Problems | None = None) -> dict[str, object]:
    """Return what the form's template needs to show `form`."""
    return {
        "form": form,
        "problems": problems or Problems(),
        "questions": questions_in(current_language(), current_site().settings),
        "labels": face_labels(current_language()),
        "max_comment_length": MAX_COMMENT_LENGTH,
        "wait": _describe_wait(problems.refused) if problems and problems.refused else None,
    }


def _describe_wait(refused: Refused) -> str | None:
    """Return after how many minutes or hours a refused answer can be sent again, in words: never
    too few."""
    if refused.wait is None:
        return None
    unit = MINUTE if refused.wait <= HOUR else HOUR
    whole = math.ceil(refused.wait / unit) * unit
    # With this threshold, 59 minutes are not yet an hour.
    return str(format_timedelta(whole, threshold=1))
