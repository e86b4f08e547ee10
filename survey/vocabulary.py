"""The words that stand in the store's columns and in events. Pure."""

from enum import StrEnum

# In characters. A link with more in one of its values is refused; in an event it is no ticket and
# no team: the indexes of PostgreSQL do not hold texts of any length.
LONGEST_VALUE = 200


class Trust(StrEnum):
    """How far a link is known to come from us: `signed` is trusted more than `known`, and `known`
    more than `unverified`."""

    SIGNED = "signed"
    KNOWN = "known"
    UNVERIFIED = "unverified"


# From the lowest trust to the highest. The highest of a ticket's answers decides whose ticket this
# is.
TRUST_ORDER = (Trust.UNVERIFIED, Trust.KNOWN, Trust.SIGNED)


class Outcome(StrEnum):
    """The outcome of an answer. Those below `EDIT` are the reasons why it does not count, in the
    order in which they are checked: the first that applies is the outcome."""

    RESPONSE = "response"
    EDIT = "edit"
    DUPLICATE = "duplicate"
    OTHER_SURVEY = "other_survey"
    NO_TICKET = "no_ticket"
    INVALID_RATING = "invalid_rating"
    TEST = "test"
    VOID = "void"
    OTHER_PERSON = "other_person"
    LATE_CHANGE = "late_change"


COUNTED = (Outcome.RESPONSE, Outcome.EDIT)


class Role(StrEnum):
    """What somebody may see and do in the reports: `lead` reads reports and comments, `finance`
    has the donations, and `admin` everything."""

    LEAD = "lead"
    FINANCE = "finance"
    ADMIN = "admin"


# From the lowest role to the highest. The highest holds for somebody whom a provider gives several.
ROLE_ORDER = (Role.FINANCE, Role.LEAD, Role.ADMIN)
