"""How many cases the property tests try: 100 each, or as many as BG_INTERP_FUZZ says."""

import os

import hypothesis

CASES = int(os.environ.get("BG_INTERP_FUZZ", "100"))


def cases(share: float = 1.0):
    """Sets the number of cases of a property; slow ones take a share of it."""
    return hypothesis.settings(
        max_examples=max(10, round(share * CASES)),
        deadline=None,
        # The same cases each time: what fails once fails again.
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
