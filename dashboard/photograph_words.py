"""Photographs in words."""

from __future__ import annotations

from dashboard import words
from dashboard.text import _, ngettext
from registry.analysis.photographs import Shot
from registry.vocabulary import Laterality


def subject(shot: Shot) -> str:
    """What a photograph shows, and from where."""
    leg = _("Left leg") if shot.side is Laterality.LEFT else _("Right leg")
    parts = [leg, words.inline(shot.view)]
    if shot.anatomy_code is not None:
        parts.append(words.place(shot.anatomy_code))
    return ", ".join(parts)


def caption(shot: Shot) -> str:
    """When it was taken."""
    if shot.days_after is None:
        return _("{day}, before treatment").format(day=words.day(shot.taken_on))
    return ngettext(
        "{day}, {count} day after treatment", "{day}, {count} days after treatment", shot.days_after
    ).format(day=words.day(shot.taken_on), count=shot.days_after)


def described(shot: Shot) -> str:
    """All of it, for those who do not see the picture."""
    return f"{subject(shot)}, {caption(shot)}"
