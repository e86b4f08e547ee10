"""The note on the dashboard: what its numbers count, and where they differ from the report. Pure.

docs/posthog.md says the same at length.
"""

from survey.settings import Settings


def write_note(settings: Settings) -> str:
    """Return the note, in Markdown."""
    return f"""\
**What is counted.** One response for each ticket, by its `$survey_submission_id`: the first \
answer fixes month ({settings.timezone.key}) and team, the latest one rating and comment. CSAT is \
the share of responses rated 4 or 5. These numbers are those of csat's monthly report as long as \
nothing of the following has happened.

**Where the report differs, and is right.**

- Tickets that were voided, and answers of testers who were named as such later: they still count \
here.
- Erased persons: PostHog deletes their events, the report goes on counting their responses.
- Events that somebody else sent with the project key, claimed link trust, and unverified answers \
that `CSAT_UNVERIFIED_EXCLUDED_FROM` leaves out: here nobody checks them, and they count.
- A ticket that a better trusted person took over: here month and team stay those of its first \
answer.
- A late answer that only decides whose ticket it is, and an answer beyond `CSAT_EDIT_WINDOW` of \
the predecessor: here it replaces the rating.
- Answers that were imported into csat from elsewhere, that still wait in its outbox, or that \
PostHog dropped: they are missing here (`csat reconcile` lists them).

**Response rate** is by the tickets whose survey was seen, not by those that were asked: the \
report counts invitations.

Set up by `csat posthog setup`, which puts back what is changed by hand."""
