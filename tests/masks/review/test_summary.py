import pytest

from bg_interp.masks import quality
from bg_interp.masks.review.summary import least_certain_classes, summarise
from bg_interp.masks.shards import Entry


def entry(verdict, self_iou=0.9, problem=""):
    return Entry("masks-00000.tfrecord", 0, 1, quality.Quality(0.25, self_iou, verdict), problem)


def test_verdicts_are_counted_and_bad_masks_listed():
    found = summarise(
        {
            "a.jpg": entry(quality.OK),
            "b.jpg": entry(quality.UNSURE, 0.4),
            "c.jpg": entry(quality.OK),
            "d.jpg": entry(quality.FAILED, 0.0, "the process died"),
        }
    )
    assert found.counts == {"ok": 2, "empty": 0, "full": 0, "unsure": 1, "failed": 1}
    assert found.bad == [
        "failed: d.jpg (self-IoU 0.00, area 0.25) the process died",
        "unsure: b.jpg (self-IoU 0.40, area 0.25)",
    ]
    assert found.share_bad == pytest.approx(0.5)


def test_no_masks():
    assert summarise({}).share_bad == 0


def test_the_classes_of_the_least_certain_masks_come_first():
    entries = {
        "guitar/a.jpg": entry(quality.OK, 0.8),
        "guitar/b.jpg": entry(quality.UNSURE, 0.6),
        "fish/a.jpg": entry(quality.OK, 0.9),
        "bird/a.jpg": entry(quality.OK, 0.95),
    }
    class_of = {key: key.split("/")[0] for key in entries}
    found = least_certain_classes(entries, class_of, count=2)
    assert found == [("guitar", pytest.approx(0.7)), ("fish", 0.9)]
