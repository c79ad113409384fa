"""A message as HTML: in a terminal `backticks` mark what is to be typed, on a page an element."""

import html
import re

# A command or setting within a message.
TYPED = re.compile(r"`([^`\n]+)`")


def as_html(message: object) -> str:
    """Returns a message escaped, with what stands in `backticks` as <code>."""
    return TYPED.sub(r"<code>\1</code>", html.escape(str(message)))


def capitalised(sentence: str) -> str:
    """Returns a sentence that begins with a capital; what is to be typed stays as it is."""
    return sentence[:1].upper() + sentence[1:]
