"""Reads from PostHog what is there of the survey, the insights and the dashboard."""

from collections.abc import Iterator

from survey.delivery.failures import FailureKind
from survey.posthog.client import PostHogClient
from survey.posthog.errors import PostHogError
from survey.posthog.planning import Found, find_own
from survey.posthog.wanted import DASHBOARD_KEY, INSIGHTS, Json, Kind

PAGE_SIZE = 100
# A project with more things than this has another problem; it keeps an answer without an end from
# being read for ever.
MOST_PAGES = 1_000
# Ids that nothing has.
_NOBODY = {
    Kind.SURVEY: "00000000-0000-0000-0000-000000000000",
    Kind.INSIGHT: "0",
    Kind.DASHBOARD: "0",
}


def read_found(client: PostHogClient) -> Found:
    """Return what is at PostHog. Raise PostHogError, and MoreThanOne."""
    surveys = list(list_all(client, Kind.SURVEY))
    insights = list(list_all(client, Kind.INSIGHT))
    own = {plan.key: find_own(Kind.INSIGHT, plan.key, insights) for plan in INSIGHTS}
    board = find_own(Kind.DASHBOARD, DASHBOARD_KEY, list_all(client, Kind.DASHBOARD))
    return Found(
        surveys=surveys,
        insights={
            key: read_thing(client, Kind.INSIGHT, str(each["id"]))
            for key, each in own.items()
            if each is not None
        },
        dashboard=read_thing(client, Kind.DASHBOARD, str(board["id"])) if board else None,
    )


def find_thing(client: PostHogClient, kind: Kind, key: str) -> Json | None:
    """Return our own thing of a key, as a list has it; None if it is not there. Raise
    PostHogError, and MoreThanOne."""
    return find_own(kind, key, list_all(client, kind))


def read_thing(client: PostHogClient, kind: Kind, number: str) -> Json:
    """Return a thing as a whole: lists leave out what a dashboard holds. Raise PostHogError."""
    found = client.get(f"{kind.value}{number}/", {}, scope=kind.read_scope)
    if "id" not in found:
        raise client.refuse()
    return found


def list_all(client: PostHogClient, kind: Kind) -> Iterator[Json]:
    """Yield all things of a kind that are not deleted, page after page. Raise PostHogError."""
    for page in range(MOST_PAGES):
        # `basic` spares PostHog the results of insights.
        asked = {"limit": str(PAGE_SIZE), "offset": str(page * PAGE_SIZE), "basic": "true"}
        answer = client.get(kind.value, asked, scope=kind.read_scope)
        results = answer.get("results")
        if not isinstance(results, list):
            raise client.refuse()
        for each in results:
            if not isinstance(each, dict) or "id" not in each:
                raise client.refuse()
            # Asking for pages takes time, in which somebody may delete something.
            if not each.get("deleted"):
                yield each
        if not results or not answer.get("next"):
            return
    raise client.refuse()


def find_missing_scopes(client: PostHogClient) -> list[str]:
    """Return the scopes that the key lacks for making and changing our things. Raise PostHogError.

    PostHog is asked to change things that there are not: it looks at the scope first.
    """
    missing = []
    for kind in Kind:
        try:
            client.patch(f"{kind.value}{_NOBODY[kind]}/", {}, scope=kind.write_scope)
        except PostHogError as error:
            if error.status == 403:
                missing.append(kind.write_scope)
            elif error.kind is not FailureKind.REJECTED:
                raise
    return missing
