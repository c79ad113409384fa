"""What TensorBoard is shown."""

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bg_interp.errors import UserError
from bg_interp.storage.summaries import EventWriter, Summaries


def read(folder) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    found.Reload()
    return found


def test_scalars_keep_their_steps_and_values(tmp_path):
    summaries = Summaries(tmp_path)
    for step in (3, 7):
        summaries.scalars("train", step, {"loss": step / 2})
    summaries.close()
    events = read(tmp_path / "train").Tensors("loss")
    found = [(event.step, float(tf.make_ndarray(event.tensor_proto))) for event in events]
    assert found == [(3, 1.5), (7, 3.5)]


def test_all_images_are_written_bit_for_bit(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3)).astype(np.uint8)
    summaries = Summaries(tmp_path)
    summaries.images("images", "treatment", 2, images, "what is shown")
    summaries.close()
    (event,) = read(tmp_path / "images").Tensors("treatment")
    assert event.step == 2
    width, height, *encoded = event.tensor_proto.string_val
    assert (width, height) == (b"6", b"4")
    decoded = [tf.io.decode_png(data).numpy() for data in encoded]
    np.testing.assert_array_equal(decoded, images)


def test_clear_deletes_what_former_processes_wrote_there_only(tmp_path):
    before = Summaries(tmp_path)
    before.scalars("train", 1, {"loss": 1.0})
    before.scalars("test", 1, {"accuracy": 1.0})
    before.close()
    after = Summaries(tmp_path)
    after.clear("train", "nowhere")
    after.scalars("train", 1, {"loss": 2.0})
    after.close()
    assert len(read(tmp_path / "train").Tensors("loss")) == 1
    assert len(read(tmp_path / "test").Tensors("accuracy")) == 1


def test_hparams_stand_with_a_run_s_scalars_and_what_they_cannot_show_is_left_out(tmp_path):
    summaries = Summaries(tmp_path)
    summaries.hparams_columns(["seed"], {"measures/gap": "BG-Gap"})
    summaries.hparams("arm", {"seed": 3, "weights": None, "flip": True}, run="arm")
    summaries.scalars("arm", 0, {"measures/gap": 0.5})
    summaries.close()
    assert "measures/gap" in read(tmp_path / "arm").Tags()["tensors"]
    metadata = read(tmp_path / "arm").SummaryMetadata("_hparams_/session_start_info")
    assert b"seed" in metadata.plugin_data.content
    assert b"weights" not in metadata.plugin_data.content
    columns = read(tmp_path).SummaryMetadata("_hparams_/experiment")
    assert b"BG-Gap" in columns.plugin_data.content


def test_what_is_flushed_can_be_read(tmp_path):
    summaries = Summaries(tmp_path)
    summaries.scalars("train", 3, {"loss": 1.5})
    summaries.flush()
    assert len(read(tmp_path / "train").Tensors("loss")) == 1
    summaries.close()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write TensorBoard's events to .*: Not a direct"):
        EventWriter(tmp_path / "file" / "below")


def test_events_that_are_cut_off_are_noticed(tmp_path):
    writer = EventWriter(tmp_path)
    (written,) = tmp_path.iterdir()
    written.write_bytes(written.read_bytes()[:-1])
    with pytest.raises(UserError, match="they are cut off; free some space"):
        writer.flush()


def test_what_tensorflow_cannot_write_is_one_line(tmp_path, monkeypatch):
    writer = EventWriter(tmp_path)

    def flush() -> None:
        raise tf.errors.InternalError(None, None, "no room\nand where it was")

    monkeypatch.setattr(writer, "_writer", tf.summary.create_noop_writer())
    monkeypatch.setattr(writer._writer, "flush", flush)
    with pytest.raises(UserError, match="no room; free some space") as raised:
        writer.flush()
    assert "\n" not in str(raised.value)
