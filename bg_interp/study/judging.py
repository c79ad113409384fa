"""Which judges a study asks: on features of a pretrained network where its weights are at hand."""

import hashlib
import pathlib
import sys

from bg_interp.config.training import ResolvedConfig, in_keras_cache
from bg_interp.errors import UserError
from bg_interp.evaluation.judges.judge import Judge
from bg_interp.evaluation.judges.pretrained import pretrained_judges
from bg_interp.evaluation.judges.training import JUDGES
from bg_interp.study.plan import StudyConfig


def judges_for(study: StudyConfig, arm: ResolvedConfig) -> tuple[Judge, ...]:
    """Chooses the judges of a study.

    Args:
      study: `judge_network` and `judge_weights`.
      arm: any of its arms; photographs ask for pretrained features, drawings do well without.

    Raises:
      UserError: a file of weights cannot be read.
    """
    weights = study.judge_weights or _at_hand(study.judge_network, arm)
    if weights == "none":
        return JUDGES
    if study.judge_network == arm.network:
        print(
            f"the judges see through the features of {arm.network}, which the arms start from as "
            "well: what both mistake for an object counts as one; --judge_network takes another",
            file=sys.stderr,
        )
    return pretrained_judges(JUDGES, study.judge_network, weights, _fingerprint(weights))


def _at_hand(network: str, arm: ResolvedConfig) -> str:
    if arm.recipe != "photographs":
        return "none"
    if arm.fetch_weights or in_keras_cache(network, arm.image_size):
        return "imagenet"
    print(
        f"there are no weights of {network} for the judges, which therefore train from scratch; "
        "on few photographs they then know colours rather than objects. --judge_weights=FILE "
        "takes a .keras or .h5 file, --fetch_weights lets Keras download ImageNet's",
        file=sys.stderr,
    )
    return "none"


def _fingerprint(weights: str) -> str:
    if weights == "imagenet":
        return weights
    try:
        content = pathlib.Path(weights).expanduser().read_bytes()
    except OSError as error:
        raise UserError(f"--judge_weights={weights} cannot be read: {error.strerror}") from error
    return hashlib.sha256(content).hexdigest()
