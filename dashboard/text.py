"""Words on pages: translation, and text that comes from people."""

from __future__ import annotations

import gettext
import re
from importlib.resources import files
from typing import Final

_TRANSLATION: Final = gettext.translation(
    "dashboard", localedir=str(files("dashboard").joinpath("locale")), fallback=True
)
_ = _TRANSLATION.gettext
ngettext = _TRANSLATION.ngettext

_MARKUP: Final = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$&=^@/])")


def plain(text: object) -> str:
    """``text`` as it is, for a place that would read it as Markdown.

    Labels, messages and option names are Markdown in Streamlit: without this a name could draw an
    image from a stranger's server, which tells the stranger who is being looked at.
    """
    return _MARKUP.sub(r"\\\1", " ".join(str(text).split()))
