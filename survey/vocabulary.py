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
    UNVERIFIED = "unverified"
    OTHER_PERSON = "other_person"
    LATE_CHANGE = "late_change"


COUNTED = (Outcome.RESPONSE, Outcome.EDIT)


class DailyFigure(StrEnum):
    """A figure that is counted for each day, for the operator."""

    # Tickets whose first answer was unverified.
    UNVERIFIED_TICKETS = "unverified_tickets"
    # Submits that were refused, by the limit that refused them.
    REFUSED_CLIENT = "refused_client"
    REFUSED_LINK = "refused_link"
    REFUSED_ALL = "refused_all"
    # Answers of others than the customer, of which the ticket has enough.
    REFUSED_STRANGER = "refused_stranger"
    # Made-up tickets, of which the day has enough.
    REFUSED_DAY = "refused_day"


class Role(StrEnum):
    """What somebody may see and do in the reports: `lead` reads reports and comments, `finance`
    has the donations, and `admin` everything."""

    LEAD = "lead"
    FINANCE = "finance"
    ADMIN = "admin"


# From the lowest role to the highest. The highest holds for somebody whom a provider gives several.
ROLE_ORDER = (Role.FINANCE, Role.LEAD, Role.ADMIN)


class Plan(StrEnum):
    """What a customer pays for. `unknown`: the help desk's priority stands for no plan."""

    FREE = "free"
    PAYGO = "paygo"
    BOOST = "boost"
    SCALE = "scale"
    ENTERPRISE = "enterprise"
    UNKNOWN = "unknown"


class ReplyKind(StrEnum):
    """What a customer waits for: the first reply to a ticket, a later one, or any reply after the
    ticket was escalated."""

    FIRST = "first"
    NEXT = "next"
    ESCALATED = "escalated"


class TicketStatus(StrEnum):
    """The status of a ticket at the help desk. `gone`: it was deleted, or merged into another."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    HOLD = "hold"
    SOLVED = "solved"
    CLOSED = "closed"
    GONE = "gone"


class InvitationOutcome(StrEnum):
    """What became of asking the customer of a solved ticket. Those below `QUEUED` are the reasons
    why nobody was asked, in the order in which they are checked: the first that applies is the
    outcome."""

    SENT = "sent"
    QUEUED = "queued"
    # The ticket is open again now.
    REOPENED = "reopened"
    # The customer was asked for this ticket before: by us, or the ticket has the tag `csat_sent`.
    ASKED = "asked"
    TOO_OLD = "too_old"
    EXCLUDED = "excluded"
    SAMPLED_OUT = "sampled_out"
    UNSUBSCRIBED = "unsubscribed"
    COOLDOWN = "cooldown"
    NO_ADDRESS = "no_address"
