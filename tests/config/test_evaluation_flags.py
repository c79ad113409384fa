"""What evaluate is given, before anything is opened."""

import pytest

from bg_interp.config.classifier import class_names
from bg_interp.config.evaluation import EvaluateConfig
from bg_interp.errors import UserError


def test_a_long_list_of_names_is_no_file():
    names = [f"a breed of number {number}" for number in range(60)]
    assert class_names(EvaluateConfig(class_names=",".join(names))) == names


def test_a_file_of_names_in_another_encoding_is_one_line(tmp_path):
    (tmp_path / "names.txt").write_bytes("Käfer\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"UTF-8, a name a line. Received: .*names.txt"):
        class_names(EvaluateConfig(class_names=str(tmp_path / "names.txt")))
