"""Ctrl-C and SIGTERM that wait for the end of a step."""

import signal
from types import FrameType, TracebackType
from typing import Any, NoReturn

from bg_interp.errors import Terminated


class Interrupts:
    """Within the block, the first SIGINT or SIGTERM only sets `requested`; a second one raises.

    Signal handlers belong to the main thread; elsewhere the block changes nothing.
    """

    def __init__(self) -> None:
        self.requested: int | None = None
        self._before: dict[int, Any] = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested is not None:
            self.stop()
        self.requested = number

    def stop(self) -> NoReturn:
        """Raises what the requested signal stands for."""
        raise Terminated if self.requested == signal.SIGTERM else KeyboardInterrupt

    def __enter__(self) -> "Interrupts":
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        except ValueError:
            pass  # Not the main thread.
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
