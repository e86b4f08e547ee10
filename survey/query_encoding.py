"""How the bytes of a query become text, alike on the survey site and on the reports site. Pure."""

from string import punctuation
from urllib.parse import quote


def encode_query(query: str) -> str:
    """Return the query of a WSGI environment, percent-encoded if it holds other bytes than ASCII:
    they are then read as text, or as question marks where they are not text."""
    return query if query.isascii() else quote(query.encode("latin-1"), safe=punctuation)
