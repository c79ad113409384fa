"""Folders of images of any names: opened or refused in one line, nothing written elsewhere."""

import contextlib
import io
import os
import pathlib
import tempfile

import numpy as np
from fuzzing import cases
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from bg_interp import cli, pictures
from bg_interp.data.sources.folder import open_folder
from bg_interp.errors import UserError
from bg_interp.masks import quality
from bg_interp.masks.segmenters.segmenter import Settings
from bg_interp.masks.shards import Mask
from bg_interp.masks.store import MaskStore

_HOSTILE = st.sampled_from(
    [
        "<script>alert(1)</script>",
        "a\nerror: b",
        "..\\..\\etc",
        "\x1b[2J",
        "\u202egnp.exe",
        "-rf",
        "~",
        "$(reboot)",
        "%s%n",
        "{{ 7 * 7 }}",
        "..",
        "a.png",
        "\udcff",
        "🐟" * 30,
        "con",
    ]
)
_NAMES = st.one_of(st.text(min_size=1, max_size=40), _HOSTILE)


def _pixel() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (2, 2), (9, 9, 9)).save(file, "PNG")
    return file.getvalue()


_PIXEL = _pixel()


def printed_error(error: UserError) -> str:
    """Returns the line that a tool prints for an error."""
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed), contextlib.suppress(SystemExit):
        cli._fail(str(error))
    return printed.getvalue()


def assert_one_line(text: str) -> None:
    assert text.endswith("\n")
    assert text[:-1].isprintable()


@contextlib.contextmanager
def folders():
    """A folder and a cache, both new, and standard error, caught."""
    before = os.environ.get("BG_INTERP_CACHE")
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(io.StringIO()) as said:
        os.environ["BG_INTERP_CACHE"] = f"{name}/cache"
        try:
            yield pathlib.Path(name), said
        finally:
            os.environ.pop("BG_INTERP_CACHE")
            if before is not None:
                os.environ["BG_INTERP_CACHE"] = before


def make(root: pathlib.Path, classes: dict[str, dict[str, bytes]]) -> None:
    """Writes a folder of images; names that the file system refuses are left out."""
    root.mkdir()
    for name, files in classes.items():
        for file, content in files.items():
            with contextlib.suppress(OSError, ValueError):
                parent = name.replace("/", "")
                path = root / (parent.strip(".") and parent) / (file.replace("/", "") + ".png")
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)


_CONTENTS = st.sampled_from([_PIXEL, _PIXEL, _PIXEL, b"", b"no image", _PIXEL[:-9]])


@cases(0.3)
@given(
    st.dictionaries(
        _NAMES, st.dictionaries(_NAMES, _CONTENTS, min_size=1, max_size=4), min_size=2, max_size=4
    )
)
def test_folders_with_any_names_are_opened_or_refused_in_one_line(classes):
    with folders() as (scratch, said):
        make(scratch / "photos", classes)
        try:
            source = open_folder(scratch / "photos")
        except UserError as error:
            assert_one_line(printed_error(error))
        else:
            for split in source.splits.values():
                assert len(list(split.images())) == len(split) > 0
                store = MaskStore(scratch / "store", source, Settings())
                assert "\n" not in store.folder.name
                masks = [Mask(key, _PIXEL, quality.Quality(0.5, 1, "ok")) for key in split.keys]
                store.write(masks)
                with contextlib.suppress(UserError):
                    store.export_png(split.keys, scratch / "png")
        assert {path.name for path in scratch.iterdir()} <= {"photos", "cache", "store", "png"}
        for line in said.getvalue().splitlines():
            assert line.isprintable()


@cases()
@example("\U0001d4b3" * 70)  # A letter of four bytes.
@given(st.one_of(st.text(max_size=300), _HOSTILE))
def test_class_names_become_harmless_file_names(name):
    part = pictures.file_name(name)
    file = f"000-{part}.png"
    assert pathlib.PurePath(file).name == file
    assert len(file.encode()) < 255
    assert part.isprintable()
    assert pictures.writable(name).isprintable()


@cases(0.3)
@given(st.lists(st.one_of(st.text(max_size=80), _HOSTILE), min_size=1, max_size=3))
def test_any_class_names_stand_above_a_grid(names):
    images = np.zeros((1, len(names), 8, 8, 3), np.uint8)
    assert pictures.grid(images, names, ["row\n"]).shape[2] == 3


@cases()
@given(st.one_of(st.text(), _HOSTILE))
def test_errors_are_printed_in_one_line_whatever_they_quote(text):
    assert_one_line(printed_error(UserError(f"a name: {text}")))
