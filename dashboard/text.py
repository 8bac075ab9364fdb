"""Words on pages: translation, and text that comes from people."""

from __future__ import annotations

import re
from typing import Final

from registry.language import inline, within
from registry.messages import N_, _, ngettext

__all__ = ["N_", "_", "inline", "ngettext", "plain", "within"]

_MARKUP: Final = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$&=^@/])")


def plain(text: object) -> str:
    """``text`` as it is, for a place that would read it as Markdown.

    Labels, messages and option names are Markdown in Streamlit: without this a name could draw an
    image from a stranger's server, which tells the stranger who is being looked at.
    """
    return _MARKUP.sub(r"\\\1", " ".join(str(text).split()))
