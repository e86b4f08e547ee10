"""Time for tests that passes only while somebody sleeps."""


class PassingTime:
    """Seconds, and the sleeps that made them pass."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.sleeps: list[float] = []

    def clock(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.seconds += seconds
