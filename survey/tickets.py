"""Where the help desk shows a ticket. Pure."""

from urllib.parse import quote


def link_ticket(ticket_id: str, pattern: str | None) -> str | None:
    """Return the address of a ticket; None where no http(s) pattern says how to write it."""
    if pattern is None or not pattern.startswith(("https://", "http://")):
        return None
    return pattern.replace("{ticket_id}", quote(ticket_id, safe=""))
