"""The command line: every command of the packages under one name.

Commands are imported when they are run, not before: `csat --help` loads neither pandas nor the
site.
"""

import gc
import importlib
import sys
from typing import TYPE_CHECKING

import click

from survey.command_line import Parts, run_command
from survey.private_files import keep_files_private

if TYPE_CHECKING:
    from datetime import datetime

    from survey.settings import Settings
    from survey.store.database import Database

# name → its module, and the line that `csat --help` shows without importing it
COMMANDS = {
    "demo": ("demo.command:demo", "A full working site with sample answers."),
    "serve": ("survey.commands.serve:serve", "The survey site and delivery, until stopped."),
    "deliver": ("survey.commands.deliver:deliver", "Send the outbox to PostHog."),
    "outbox": ("survey.commands.outbox:outbox", "What waits to be sent, and what was refused."),
    "tick": ("survey.commands.tick:tick", "Do whatever is due now, once."),
    "reconcile": ("pipeline.commands.reconcile:reconcile", "Is everything of a month at PostHog?"),
    "posthog": (
        "survey.commands.posthog:posthog",
        "PostHog: its survey, insights and dashboard.",
    ),
    "link": ("survey.commands.link:link", "Make survey links."),
    "mail": ("survey.commands.mail:mail", "The invitation, to look at before customers do."),
    "zendesk": ("survey.commands.zendesk:zendesk", "Zendesk: its tickets, and its set-up."),
    "invite": ("survey.commands.invite:invite", "Ask the customers whose tickets are due."),
    "import": (
        "pipeline.commands.import_answers:import_answers",
        "Answers from elsewhere, into the store.",
    ),
    "aggregate": ("pipeline.commands.aggregate:aggregate", "Counts per month, team and rating."),
    "report": ("reports.commands.report:report", "The monthly files and mails, for leads."),
    "targets": (
        "pipeline.commands.targets:targets",
        "Replies of a month against their response targets.",
    ),
    "marks": ("reports.commands.marks:marks", "Releases and incidents on the trends of reports."),
    "users": ("reports.commands.users:users", "Who may sign in to the reports."),
    "donations": ("reports.commands.donations:donations", "The donation ledger, for finance."),
    "responses": (
        "survey.commands.responses:responses",
        "Show, void or redact a ticket's response.",
    ),
    "erase": ("survey.commands.erase:erase", "Remove identity and words of a person."),
    "export-person": (
        "survey.commands.export_person:export_person",
        "All that is kept of a person, as JSON.",
    ),
    "retention": (
        "survey.commands.retention:retention",
        "Forget identities and words that are too old.",
    ),
    "backup": ("survey.commands.backup:backup", "A copy of the SQLite database, while it is used."),
    "restore": ("survey.commands.restore:restore", "A backup in the place of the database."),
    "db": ("survey.commands.db:db", "Upgrade the database."),
    "doctor": ("survey.commands.doctor:doctor", "What is wrong here, and what to do."),
    "config": ("survey.commands.config:config", "Check the settings."),
}

# What `csat tick` does, in this order. Each job is imported when it is run, gets the database, the
# settings and the time, and returns a line about what it did, or None.
JOBS = (
    "reports.closing:close_due_months",
    "reports.mailing:queue_due_report",
    "reports.donation_mailing:queue_donation_mails",
    "survey.invitations.inviting:invite_due",
    "survey.messages.jobs:send_messages",
    "survey.posthog.jobs:follow_deletions_due",
    "survey.zendesk.receiving:forget_invocations",
    "csat:forget_due",
    "survey.forgetting:forget_old_counts",
)

# What `csat erase` and its likes do to files. Each is imported when it is run, gets the database
# and the settings, and returns lines about what it did, or what remains.
ERASERS = (
    "pipeline.sources.cache:erase_partials",
    "reports.folders:rewrite_reports",
)

# What `csat doctor` looks at besides. Each check is imported when it is run, gets the database, the
# settings and the time, and returns what it found.
CHECKS = ("pipeline.donations.quick_check:check_ledger",)

# Those of them that ask others, which `csat doctor --offline` leaves out.
ONLINE_CHECKS = (
    "survey.posthog.checking:check_setup_if_made",
    "pipeline.posthog_arrivals:check_yesterday",
)

# What `csat posthog check` looks at, likewise.
POSTHOG_CHECKS = (
    "survey.posthog.checking:check_setup",
    "pipeline.posthog_arrivals:check_yesterday",
)


class LazyGroup(click.Group):
    """A group that imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        # Objects that imports create stay until the end. The garbage collector would search them
        # repeatedly without result, which takes a quarter of the start.
        gc.disable()
        command: click.Command = getattr(importlib.import_module(module), attribute)
        gc.freeze()
        gc.enable()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def forget_due(database: "Database", settings: "Settings", now: "datetime") -> str | None:
    """Forget what is older than CSAT_RETENTION, in the store and in files: a job of `csat tick`."""
    if settings.retention is None:
        return None
    from survey.erasing.due import forget_everywhere

    return forget_everywhere(database, settings, now, ERASERS)


# `survey` imports no other package, so what all packages do is handed over to its commands.
PARTS = Parts(
    jobs=JOBS,
    erasers=ERASERS,
    checks=CHECKS,
    online_checks=ONLINE_CHECKS,
    posthog_checks=POSTHOG_CHECKS,
)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "obj": PARTS})
@click.version_option(package_name="csat", message="csat %(version)s")
def cli() -> None:
    """Customer satisfaction for support teams: from the survey link to the monthly report.

    Settings come from the environment and from .env; `csat config check` shows them.
    Exit codes: 0 done, 1 it failed and said why, 2 bad usage.
    """


def main() -> None:
    """Run the command that the arguments name."""
    keep_files_private()
    sys.exit(run_command(cli, sys.argv[1:]))


if __name__ == "__main__":
    main()
