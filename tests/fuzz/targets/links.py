"""What a browser sends as a survey link: parsed, built and signed again, it stays the same link."""

from dataclasses import replace

from werkzeug.wrappers import Request

from survey.links import LinkError, build_url, judge_link, parse_link, sign_link
from survey.pseudonyms import is_pseudonym
from survey.query_encoding import encode_query
from survey.teams import slugify_team
from survey.vocabulary import LONGEST_VALUE, Trust

SEEDS = (
    b"distinct_id=jane&ticketId=42&team=Web+analytics",
    b"userId=jane&ticket_id=42.0&ticketTeam=web-analytics&satisfaction=4",
    b"ticketId=%20-7.00&rating=5&lang=de&initialTargetArea=x&sig=00&utm_source=mail",
    "distinct_id=\U0001f994&ticketId=№ 7&team=Équipe".encode(),
    b"distinct_id=%ED%A0%80&ticketId=%00&team=%FF",
)


def check(data: bytes) -> None:
    """Raise AssertionError for a link that is taken and would not stay what it is."""
    try:
        link = parse_link(_parameters(data.decode("latin-1")))
    except LinkError:
        return
    assert link.ticket_id.strip() == link.ticket_id != ""
    assert max(map(len, (link.distinct_id, link.raw_ticket, link.raw_team))) <= LONGEST_VALUE
    assert slugify_team(link.team) == link.team
    assert not is_pseudonym(link.person)
    _, _, query = build_url("https://a", link).partition("?")
    assert parse_link(_parameters(query)) == link
    signed = replace(link, signature=sign_link(link, "secret"))
    assert judge_link(signed, ["another", "secret"]) is Trust.SIGNED
    assert judge_link(signed, ["another"]) is None


def _parameters(query: str) -> dict[str, str]:
    return Request({"QUERY_STRING": encode_query(query)}).args.to_dict()
