"""A run that ended at chance, or without a finite loss, is told from one that learned."""

import numpy as np
import pytest

from bg_interp.training.collapse import collapsed


def run(accuracies, losses=None):
    losses = [1.0] * len(accuracies) if losses is None else losses
    rows = [
        {"step": step, "split": "train", "loss": loss, "accuracy": accuracy}
        for step, (accuracy, loss) in enumerate(zip(accuracies, losses, strict=True), start=1)
    ]
    return [*rows, {"step": len(rows), "split": "test", "accuracy/original": 0.9}]


@pytest.mark.parametrize(
    ("accuracies", "classes", "dead"),
    [
        ([0.9] * 80 + [0.15] * 9, 7, True),
        ([0.15] * 80 + [0.9] * 9, 7, False),
        ([0.5] * 20, 2, True),
        ([0.7] * 20, 2, False),
        ([0.2] * 20, 37, False),
        # Shorter than what is averaged.
        ([0.9], 7, False),
    ],
)
def test_the_last_steps_decide_against_chance(accuracies, classes, dead):
    assert (collapsed(run(accuracies), classes) is not None) == dead


def test_the_reason_names_accuracy_and_chance():
    assert "at 0.10, where chance is 0.14" in str(collapsed(run([0.1] * 10), 7))


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_counts_whatever_the_accuracy(loss):
    rows = run([0.9] * 10, [1.0] * 9 + [loss])
    assert str(loss) in str(collapsed(rows, 7))
