"""The invitation with Zendesk's placeholders, which Zendesk fills in for each ticket. Pure."""

from survey.languages import Language
from survey.mail.invitation import Invitation, invite

TICKET = "{{ticket.id}}"
# A customer or a colleague can type anything, so Zendesk encodes the values. distinct_id is blank
# for a requester without an external id: the answer is then stored without a person.
PARAMETERS = {
    "distinct_id": "{{ticket.requester.external_id | url_encode}}",
    "ticketId": TICKET,
    "team": "{{ticket.group.name | url_encode}}",
}


def zendesk_invitation(base_url: str, language: Language) -> Invitation:
    """Return an invitation with placeholders for the ticket that Zendesk sends it for."""

    def link_for(rating: int | None) -> str:
        parameters = {**PARAMETERS, "lang": language.tag}
        if rating is not None:
            parameters["rating"] = str(rating)
        return f"{base_url}/?" + "&".join(f"{name}={value}" for name, value in parameters.items())

    return invite(TICKET, link_for)
