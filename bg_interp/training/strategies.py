"""What a batch is divided among: devices of one machine, or workers on several.

Workers compute each update together and hold the same network at all times. The first one alone
reads and writes the run's folder; what the others need to know of it goes through
`from_first`, bit for bit.
"""

import contextlib
import hashlib
import sys
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from bg_interp.cluster.team import Team, read_team
from bg_interp.errors import UserError, one_line
from bg_interp.training import rendezvous


class WorkerLost(UserError):
    """Another worker of the same arm is gone, and this one cannot go on without it."""


def make(name: str, batch_size: int) -> tf.distribute.Strategy:
    """Makes a strategy. Call it before any operation of TensorFlow.

    Args:
      name: value of --strategy.
      batch_size: of all devices together.

    Raises:
      UserError: a batch cannot be divided evenly, so that its images would count differently; or
        TF_CONFIG does not say who works together.
    """
    if name == "none":
        return tf.distribute.get_strategy()
    strategy = tf.distribute.MirroredStrategy() if name == "mirrored" else _meet(read_team())
    if batch_size % strategy.num_replicas_in_sync:
        raise UserError(
            f"--batch_size must be a multiple of the {strategy.num_replicas_in_sync} devices of "
            f"--strategy={name}. Received: {batch_size}"
        )
    return strategy


def _meet(team: Team) -> tf.distribute.Strategy:
    print(f"{team.name} is waiting for the others", file=sys.stderr)
    rendezvous.wait_for_all(team)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.OpError, RuntimeError) as error:
        reason = one_line(error)
        raise UserError(
            f"the workers of TF_CONFIG ({', '.join(team.addresses)}) could not be joined: {reason}"
        ) from error


def is_first(strategy: tf.distribute.Strategy) -> bool:
    """Tells whether this process reads and writes the run's folder."""
    return not spans_workers(strategy) or read_team().is_first


def spans_workers(strategy: tf.distribute.Strategy) -> bool:
    """Tells whether a strategy divides batches among several processes."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


@contextlib.contextmanager
def losses_named() -> Iterator[None]:
    """Says in one line that another worker is lost, where TensorFlow tells of sockets.

    Raises:
      WorkerLost: an operation that all workers take part in failed.
    """
    try:
        yield
    except (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
    ) as error:
        raise WorkerLost(
            "another worker of this arm ended or cannot be reached; start all of them again with "
            "the same command, and they go on from the newest checkpoint"
        ) from error


def from_first(strategy: tf.distribute.Strategy, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Returns the first worker's arrays on every worker, bit for bit.

    Args:
      strategy: of several workers.
      arrays: of the same shapes and dtypes on all of them.
    """
    mine = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    # Added up as integers, to which the others give zeros: no bit of a float can change, not even
    # the sign of a zero.
    words = np.frombuffer(mine + bytes(-len(mine) % 4), np.int32)
    words = words if is_first(strategy) else np.zeros_like(words)
    content = np.asarray(strategy.reduce("SUM", tf.constant(words), axis=None)).tobytes()
    received, at = [], 0
    for array in arrays:
        part = content[at : at + array.nbytes]
        received.append(np.frombuffer(part, array.dtype).reshape(array.shape))
        at += array.nbytes
    return received


def check_same(strategy: tf.distribute.Strategy, facts: str) -> None:
    """Compares what decides the result, which all workers must have in common.

    Args:
      strategy: of several workers.
      facts: settings, data and versions, as text.

    Raises:
      UserError: on every worker, when one differs from the first.
    """
    digest = np.frombuffer(hashlib.sha256(facts.encode()).digest(), np.uint8)
    (first,) = from_first(strategy, [digest])
    differs = int(not np.array_equal(first, digest))
    count = int(strategy.reduce("SUM", tf.constant(differs), axis=None))
    if count:
        whose = "this one among them" if differs else "not this one"
        raise UserError(
            f"{count} of the workers ({whose}) have other flags, data, masks or versions than the "
            "first; all must be started with the same command, on the same data and packages"
        )


@contextlib.contextmanager
def statistics_of_whole_batches(
    model: keras.Model, strategy: tf.distribute.Strategy
) -> Iterator[None]:
    """Within the block, batch normalisation is traced with the statistics of all devices.

    With those of its own part of a batch each device would hold moving averages of its own, and
    what is saved would depend on how many devices there are. The layers are left as they were: what
    is saved must open with any backend of Keras.
    """
    normalizations = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized
    ]
    normalizations = normalizations if strategy.num_replicas_in_sync > 1 else []
    for layer in normalizations:
        layer.synchronized = True
    try:
        yield
    finally:
        for layer in normalizations:
            layer.synchronized = False
