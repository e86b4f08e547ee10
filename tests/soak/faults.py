"""The faults of a soak: each happens to something that runs, for some seconds at most."""

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from demo.behaviour import (
    ACCEPT,
    accept_then_reset,
    answer,
    garbage,
    hang,
    redirect,
    reset,
    slowly,
    truncate,
)
from tests.soak.world import World
from tests.support.holding import suspended_writer
from tests.support.tree import SiteTree

LONGEST_SECONDS = 5.0
POSTHOG_FAILURES = {
    "PostHog: 503": answer(503),
    "PostHog: quota (429)": answer(429, headers={"Retry-After": "3"}),
    "PostHog: key refused (401)": answer(401, "invalid API key"),
    "PostHog: hanging": hang(),
    "PostHog: resetting": reset(),
    "PostHog: accepting, then resetting": accept_then_reset(),
    "PostHog: garbage": garbage(),
    "PostHog: redirecting": redirect(),
    "PostHog: truncated": truncate(),
    "PostHog: slow": slowly(0.05),
}
ZENDESK_FAILURES = {
    "Zendesk: 503": answer(503),
    "Zendesk: too many requests (429)": answer(429, headers={"Retry-After": "2"}),
    "Zendesk: hanging": hang(),
    "Zendesk: resetting": reset(),
    "Zendesk: accepting, then resetting": accept_then_reset(),
}
MAIL_FAILURES = {
    "mail: 451": {"MAIL": "451 try again"},
    "mail: refused at the end": {"DATA": "452 no space"},
    "mail: not this recipient": {"RCPT": "450 busy"},
}


@dataclass
class Faults:
    """Lets one fault after the other happen."""

    world: World
    chance: random.Random
    counts: Counter[str] = field(default_factory=Counter)

    def happen(self) -> None:
        """Let the next fault happen, and end."""
        faults = [self._kill_some, self._kill_all, self._posthog, self._zendesk, self._mail]
        faults += [self._kill_some, self._database]
        fault: Callable[[], str] = self.chance.choice(faults)
        self.counts[fault()] += 1

    def _seconds(self) -> float:
        return self.chance.uniform(0.5, LONGEST_SECONDS)

    def _kill_some(self) -> str:
        site = self.chance.choice(self.world.sites)
        others = [pid for pid in site.processes() if pid != site.supervisor]
        if others:
            site.kill(self.chance.choice(others))
        return "kill -9 of a process"

    def _kill_all(self) -> str:
        site = self.chance.choice(self.world.sites)
        whom = [site.supervisor] if self.chance.random() < 0.5 else site.processes()
        site.kill(site.supervisor, *whom)
        site.wait_until_gone()
        self._start(site)
        return "kill -9 of a whole site"

    def _start(self, site: SiteTree) -> None:
        site.start()

    def _posthog(self) -> str:
        posthog = self.world.posthog
        name = self.chance.choice([*POSTHOG_FAILURES, "PostHog: away"])
        if name in POSTHOG_FAILURES:
            posthog.behave(POSTHOG_FAILURES[name])
        else:
            posthog.stop()
        time.sleep(self._seconds())
        posthog.behave(ACCEPT)
        posthog.release()
        posthog.start()
        return name

    def _zendesk(self) -> str:
        zendesk = self.world.zendesk
        name = self.chance.choice([*ZENDESK_FAILURES, "Zendesk: away"])
        if name in ZENDESK_FAILURES:
            zendesk.behave(ZENDESK_FAILURES[name])
        else:
            zendesk.stop()
        time.sleep(self._seconds())
        zendesk.behave(ACCEPT)
        if name in ("Zendesk: away", "Zendesk: hanging"):
            zendesk.stop()  # which ends what hangs
            zendesk.start()
        return name

    def _mail(self) -> str:
        name = self.chance.choice(list(MAIL_FAILURES))
        self.world.mails.replies.update(MAIL_FAILURES[name])
        time.sleep(self._seconds())
        self.world.mails.replies.clear()
        return name

    def _database(self) -> str:
        server = self.world.database_server
        if server is None:
            # Whoever waits for a turn to write may be killed for it, and holds nobody up.
            with suppress(AssertionError), suspended_writer(self.world.database_url):
                time.sleep(self._seconds())
            return "database: a suspended writer"
        how = self.chance.choice(["fast", "immediate", "frozen"])
        if how == "frozen":
            server.freeze()
            time.sleep(self._seconds())
            server.thaw()
        else:
            server.stop(how)
            time.sleep(self._seconds())
            server.start()
        return f"database: {how if how == 'frozen' else f'stopped ({how})'}"
