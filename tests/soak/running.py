"""A soak, from its start to its reckoning."""

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from survey.clock import now
from survey.store.models import Channel, OutboxRow
from tests.soak.checks import find_problems
from tests.soak.commands import LONGEST_DRAIN_SECONDS, Commands, Repeated
from tests.soak.faults import Faults
from tests.soak.work import Agents, Operator, Predecessor
from tests.soak.world import FINANCE, LEAD, World, running_world
from tests.support.customers import Answer, Customers
from tests.support.reckoning import opened, wait_for_delivery
from tests.support.site import wait_until


@dataclass
class Soaked:
    """What came of a soak: its figures, and what is wrong."""

    figures: dict[str, object] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def soak(folder: Path, kind: str, seconds: float, seed: str, tell: Callable[[str], None]) -> Soaked:
    """Run everything on a database of this kind, with faults, for so many seconds; then reckon."""
    chance = random.Random(f"{seed}-{kind}")
    with running_world(folder, kind) as world:
        commands = Commands(world)
        agents = Agents(world, random.Random(chance.random()))
        predecessor = Predecessor(world, random.Random(chance.random()))
        ports = [site.port for site in world.sites]
        customers = Customers(ports, seed=seed, threads=2 * len(ports))
        operator = Operator(world, commands, random.Random(chance.random()), customers)
        faults = Faults(world, random.Random(chance.random()))
        predecessor.export()
        commands.require("import", f"export:{world.exports}")
        operator.prepare()
        pauses = random.Random(chance.random())
        work = [
            Repeated("agents", agents.act, lambda: pauses.uniform(0.1, 1)),
            Repeated("invited", agents.answer_invitations, lambda: 0.5),
            Repeated("predecessor", predecessor.export, lambda: pauses.uniform(2, 6)),
            Repeated("operator", operator.act, lambda: pauses.uniform(0, 1)),
        ]
        began = time.monotonic()
        with ExitStack() as stack:
            stack.enter_context(customers)
            for each in work:
                each.start()
                stack.callback(each.begin_to_stop)
            while (left := began + seconds - time.monotonic()) > 0:
                time.sleep(min(left, pauses.uniform(1, 3)))
                if time.monotonic() - began < seconds:
                    faults.happen()
                for each in work:
                    if each.has_failed:
                        each.stop()
                tell(_progress(world, customers, faults, time.monotonic() - began, seconds))
            for each in work:
                each.stop()
            thanked = customers.stop()
        drained = _drain(world, agents, operator, commands)
        problems = find_problems(world, thanked, agents, operator, commands)
        figures = _figures(world, agents, predecessor, operator, commands, faults, thanked)
        figures["refused and sent again"] = customers.refusals
        figures["seconds until PostHog had all"] = round(drained, 1)
    return Soaked(figures, problems)


def _drain(world: World, agents: Agents, operator: Operator, commands: Commands) -> float:
    """Let everything come to its end; return how long PostHog had to wait, in seconds."""
    drained = wait_for_delivery(world.database_url)
    agents.solve_all()
    agents.send_all_again()
    time.sleep(world.settings.survey_delay.total_seconds() + 1)
    _send_all_messages(world, commands)
    agents.answer_invitations()
    wait_for_delivery(world.database_url)
    operator.erase_again()
    operator.close_all()
    for site in world.sites:
        site.stop()
        wait_until(lambda site=site: not site.processes())
    time.sleep(world.settings.settling_delay.total_seconds())
    _send_all_messages(world, commands)
    operator.restore()
    world.posthog.export()
    return drained


def _send_all_messages(world: World, commands: Commands) -> None:
    """Send what waits for its next try, which may be a quarter of an hour away, now."""
    messages = OutboxRow.channel != Channel.POSTHOG.value
    waiting = (messages, OutboxRow.delivered_at.is_(None), OutboxRow.dead_at.is_(None))
    long_ago = now() - timedelta(hours=1)
    deadline = time.monotonic() + LONGEST_DRAIN_SECONDS
    with opened(world.database_url) as database:
        while True:
            commands.require("tick", codes=(0, 1))
            with database.writing() as connection:
                left = update(OutboxRow).where(*waiting).values(available_at=long_ago)
                if not connection.execute(left).rowcount or time.monotonic() > deadline:
                    return
            time.sleep(1)


def _progress(
    world: World, customers: Customers, faults: Faults, seconds: float, total: float
) -> str:
    thanked = len(customers.thanks)
    return (
        f"{seconds / 60:5.1f} of {total / 60:.1f} minutes: {thanked:,} answers, "
        f"{len(world.posthog.events):,} events, {len(world.mails.mails):,} mails, "
        f"{faults.counts.total()} faults"
    )


def _figures(
    world: World,
    agents: Agents,
    predecessor: Predecessor,
    operator: Operator,
    commands: Commands,
    faults: Faults,
    thanked: list[Answer],
) -> dict[str, object]:
    events, mails = world.posthog.events, world.mails.mails
    by_recipient = Counter(
        mail.recipient if mail.recipient in (LEAD, FINANCE) else "customers" for mail in mails
    )
    ids = {mail.message["Message-ID"] for mail in mails}
    return {
        "answers of customers, acknowledged": len(thanked),
        "answers to invitations, acknowledged": len(agents.answered),
        "events at PostHog": len({event["uuid"] for event in events}),
        "events sent again": len(events) - len({event["uuid"] for event in events}),
        "events of the predecessor": predecessor.events,
        "tickets at Zendesk": len(world.zendesk.desk.tickets),
        "webhooks sent": len(world.zendesk.deliveries),
        "webhooks not taken at first": sum(d.status != 204 for d in world.zendesk.deliveries),
        "mails": dict(by_recipient),
        "mails sent again, under their Message-ID": len(mails) - len(ids),
        "persons erased": len(operator.erased),
        "faults": dict(sorted(faults.counts.items())),
        "commands": dict(sorted(commands.counts.items())),
    }
