"""The steps of an erasure, in their order.

Each is done in short transactions, a few rows in each. What is left is found again by the same
conditions, so that an erasure that was broken off goes on when it is started again.
"""

from survey.erasing.answer_steps import AnswersStep, CopiesStep, ResponsesStep
from survey.erasing.outbox_steps import EventsStep, RefusalsStep
from survey.erasing.step import Step
from survey.erasing.target import Kind
from survey.erasing.text_steps import ReasonsStep, TextsStep
from survey.erasing.ticket_steps import InvitationsStep, TicketsStep, WaitingInvitationsStep
from survey.store.models import (
    AuditRow,
    MarkRow,
    OutboxRow,
    VoidChangeRow,
    VoidRow,
)

# Events come first: a worker may have taken one already, and the sooner it is out of the outbox,
# the sooner PostHog can be asked to delete it.
STEPS: tuple[Step, ...] = (
    EventsStep(Kind.EVENTS, OutboxRow.answer_uuid),
    EventsStep(Kind.PAGE_VIEWS, OutboxRow.page_view_uuid),
    AnswersStep(),
    CopiesStep(),
    ResponsesStep(),
    RefusalsStep(),
    TicketsStep(),
    WaitingInvitationsStep(),
    InvitationsStep(),
    ReasonsStep(VoidRow),
    ReasonsStep(VoidChangeRow),
    TextsStep(Kind.REASONS, VoidRow.ticket_id, VoidRow.reason),
    TextsStep(Kind.REASONS, VoidChangeRow.id, VoidChangeRow.reason),
    TextsStep(Kind.AUDIT, AuditRow.id, AuditRow.target),
    TextsStep(Kind.MARKS, MarkRow.id, MarkRow.words),
)
