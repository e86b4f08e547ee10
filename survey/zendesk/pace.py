"""How many requests the help desk allows in a minute."""

import threading
from collections import deque
from collections.abc import Callable

SECONDS = 60.0


class Pace:
    """Lets no more than a number of requests begin in any minute.

    `clock` gives seconds that only grow, and `sleep` waits for some of them.
    """

    def __init__(
        self, requests: int, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._began: deque[float] = deque(maxlen=requests)
        self._clock = clock
        self._sleep = sleep
        self._turn = threading.Lock()

    def wait(self) -> None:
        """Wait until the next request may begin, and count it."""
        with self._turn:
            if len(self._began) == self._began.maxlen:
                self._sleep(max(0.0, self._began[0] + SECONDS - self._clock()))
            self._began.append(self._clock())
