"""A doubt speaks as its readers do: of flags or arguments, in a terminal or on a page."""

import dataclasses

import pytest

from bg_interp.doubts import Doubt
from bg_interp.errors import UserError
from bg_interp.messages import as_html


@pytest.mark.parametrize("of_flags", [True, False])
def test_it_names_settings_and_programs_as_they_are_given_here(of_flags, monkeypatch):
    monkeypatch.setattr(UserError, "speaks_of_flags", of_flags)
    doubt = Doubt("masks", "boxes hold background", "give --masks=object, or run tools/segment.py")
    assert "tools/segment.py" in doubt.way_out or "bg-interp-segment" in doubt.way_out
    assert ("--masks=object" in doubt.way_out) == of_flags
    assert ("masks='object'" in doubt.way_out) != of_flags
    # A copy has been told already.
    assert dataclasses.replace(doubt, about="labels").way_out == doubt.way_out


def test_it_stands_in_a_text_as_a_sentence():
    assert str(Doubt("masks", "they are full", "look")) == "they are full; look"
    assert Doubt("masks", "they are full", "look").sentence() == "They are full; look."


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("run `segment --check`, or `x`", "run <code>segment --check</code>, or <code>x</code>"),
        ("one ` alone", "one ` alone"),
        ("`a<b>` & <i>", "<code>a&lt;b&gt;</code> &amp; &lt;i&gt;"),
        ("`<code>`", "<code>&lt;code&gt;</code>"),
    ],
)
def test_on_a_page_what_is_typed_is_an_element(message, shown):
    assert as_html(message) == shown
