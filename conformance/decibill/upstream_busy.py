"""Whether the replay upstream is answering an instance, and for how long: not the gateway's time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Busy"]


class Busy:
    """The requests of one instance that are being answered; its methods may be called from any thread.

    Args:
        clock: seconds from any beginning.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ended = threading.Condition()
        self._requests = 0
        self._since = 0.0
        self._seconds = 0.0

    def begin(self, arrived: float) -> None:
        """Note that a request arrived, at a time of the clock."""
        with self._ended:
            if self._requests == 0:
                self._since = arrived
            self._requests += 1

    def end(self) -> None:
        """Note that the answer to a request ended."""
        with self._ended:
            self._requests -= 1
            if self._requests == 0:
                self._seconds += self._clock() - self._since
                self._ended.notify_all()

    def is_over(self, within_s: float = 0.0) -> bool:
        """Return whether no request is being answered; wait a while for that."""
        with self._ended:
            return self._ended.wait_for(lambda: self._requests == 0, within_s)

    def seconds(self) -> float:
        """Return how long requests were being answered since this was last asked.

        What two take at once counts once, and of an answer that is still on its way what it took until now.
        """
        with self._ended:
            now = self._clock()
            seconds = self._seconds + (now - self._since if self._requests else 0.0)
            self._seconds, self._since = 0.0, now
            return seconds
