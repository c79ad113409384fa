"""Waiting until all workers of one arm have started, for a while.

TensorFlow waits for them as well, but for an hour, uninterruptibly, and without a word about which
one is missing. Here all of them connect to the first one's port, which that one gives back before
TensorFlow takes it.
"""

import contextlib
import socket
import time

from bg_interp.cluster.team import Team
from bg_interp.errors import UserError

# Machines of a cluster may start minutes apart.
SECONDS = 300.0
_PAUSE_SECONDS = 0.2
_GO = b"go"


def wait_for_all(team: Team) -> None:
    """Returns, on every worker, when all of them have come.

    Raises:
      UserError: one did not come in time, or an address cannot be used.
    """
    deadline = time.monotonic() + SECONDS
    if team.is_first:
        _receive(team, deadline)
    else:
        _connect(team, deadline)


def _place(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdigit()):
        raise UserError(f"addresses in TF_CONFIG must be HOST:PORT. Received: {address!r}")
    return host.strip("[]"), int(port)


def _receive(team: Team, deadline: float) -> None:
    """Lets the others in, and sends them on once all are there."""
    port = _place(team.addresses[0])[1]
    missing = set(range(1, len(team.addresses)))
    with contextlib.ExitStack() as opened:
        try:
            server = opened.enter_context(socket.create_server(("", port)))
        except OSError as error:
            raise UserError(
                f"cannot listen on {team.addresses[0]} of TF_CONFIG: {error.strerror or error}; "
                "give the first worker another port, on all workers"
            ) from error
        waiting = []
        while missing:
            server.settimeout(max(0.0, deadline - time.monotonic()))
            # A time-out is an OSError too: it is told by the clock alone.
            with contextlib.suppress(OSError, ValueError):
                visitor = opened.enter_context(server.accept()[0])
                visitor.settimeout(_PAUSE_SECONDS)
                missing.discard(int(visitor.recv(16)))
                waiting.append(visitor)
            if missing and time.monotonic() > deadline:
                names = ", ".join(team.addresses[index] for index in sorted(missing))
                raise UserError(
                    f"not all of the {len(team.addresses)} workers of TF_CONFIG came within "
                    f"{SECONDS:.0f} seconds; missing: {names}. Start every one of them, with the "
                    "same flags"
                )
        for visitor in waiting:
            # One that is gone again is found missing by TensorFlow.
            with contextlib.suppress(OSError):
                visitor.sendall(_GO)


def _connect(team: Team, deadline: float) -> None:
    """Tells the first worker that this one is here, until it says that all are."""
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            left = max(_PAUSE_SECONDS, deadline - time.monotonic())
            with socket.create_connection(_place(team.addresses[0]), timeout=left) as connection:
                connection.sendall(str(team.index).encode())
                if connection.recv(16) == _GO:
                    return
        time.sleep(_PAUSE_SECONDS)
    raise UserError(
        f"the first worker of TF_CONFIG, {team.addresses[0]}, did not gather all "
        f"{len(team.addresses)} workers within {SECONDS:.0f} seconds; start every one of them, "
        "with the same flags"
    )
