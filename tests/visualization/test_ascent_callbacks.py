"""What is told of an ascent on its way."""

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bg_interp.visualization.callbacks import TensorBoard


def test_tensorboard_gets_images_and_score_at_the_steps_of_the_ascent(tmp_path):
    writer = tf.summary.create_file_writer(str(tmp_path))
    told = TensorBoard(writer, count=2, input_range=(-1.0, 1.0))
    assert told.call_steps(6) == {3, 6}
    images = np.full((1, 8, 8, 3), 1.0, np.float32)
    for last in sorted(told.call_steps(6)):
        told(last - 1, [images], [None], [np.array([2.0, 4.0])])
    writer.close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    scores = events.Tensors("maximization/score")
    assert [event.step for event in scores] == [3, 6]
    assert tf.make_ndarray(scores[0].tensor_proto) == 3.0
    *_, png = tf.make_ndarray(events.Tensors("maximization/images")[0].tensor_proto)
    assert tf.reduce_all(tf.io.decode_png(png) == 255)
