"""What an evaluation measures of a classifier, and what it must find."""

import dataclasses

from bg_interp.cli import FOLDER, NOT_NEGATIVE, setting
from bg_interp.config.ascent import OF
from bg_interp.config.classifier import ClassifierConfig

# The exit code of an evaluation that `--fail_if` or `--must` fails; 1 is a mistake of the user's.
EXIT_CODE = 3
# The exit code where something is in doubt, or the data cannot decide.
UNDECIDED_CODE = 4


@dataclasses.dataclass(frozen=True)
class EvaluateConfig(ClassifierConfig):
    """A classifier, its test images, and conditions on what is measured."""

    adversarial_backgrounds: int = setting(
        8,
        "number of backgrounds of other classes on which an object must be classified correctly "
        "to count as correct (the measure `adversarial`, and `adversarial_same` for as many of "
        "its own); 0 leaves both out",
        rule=NOT_NEGATIVE,
    )
    class_images_of: str = setting(
        "both",
        "which part of the images class images follow: object or background draw what the "
        "network reads from that part alone, apart draws one row of each",
        choices=(*OF, "apart"),
    )
    leak: bool = setting(
        False,
        "also measure how well backgrounds alone predict the label; without --model only that",
    )
    fail_if: str | None = setting(
        None,
        "conditions on measures, separated by commas (reliance>0.1,worst_group<0.6): exit code 3 "
        "when the whole interval of one is beyond its threshold, so on evidence that the model "
        "is not good enough",
    )
    must: str | None = setting(
        None,
        "conditions that must hold (reliance<0.1): passed only when the whole interval meets "
        "each, so on evidence that the model is good enough; exit code 3 when a whole interval "
        "violates one, and 4, undecided, when there are too few images to tell",
    )
    baseline: str | None = setting(
        None,
        "an earlier model, or the results.json of its audit, to compare with image by image: the "
        "page shows both side by side, and conditions may name it "
        "(--must='reliance<baseline+0.02')",
    )
    junit: str | None = setting(None, "file to write the conditions to as JUnit's XML")
    output: str | None = setting(
        None,
        "folder to write to; default: evaluation/ in the model's run folder, else here",
        rule=FOLDER,
    )

    @property
    def needs_model(self) -> bool:
        """Whether there is nothing to do without a classifier: backgrounds leak without one."""
        return not self.leak
