"""The errors a user may see, as one family.

A message says what happened, what was kept and what to do. It names fields, rows and rules, never
the value of an identifier. Everything outside this family is a bug and stays loud.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.entry.problems import Problem
    from registry.messages import Message


class RegistryError(Exception):
    """Something a person can put right.

    Its text is a message, so that ``str`` of it speaks the language of whoever reads it; a page or
    a command may give words that need no translation.
    """

    def __init__(self, text: Message | str) -> None:
        """Take what to say."""
        super().__init__(text)


class PermissionDenied(RegistryError):
    """The actor may not do this here; also raised for what does not exist in another clinic."""


class NotFound(RegistryError):
    """No such record in the clinics the actor may see."""


class Conflict(RegistryError):
    """The record changed after the form was opened."""


class InvalidEntry(RegistryError):
    """An entry breaks at least one rule; ``problems`` names field and rule for each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep ``problems``."""
        self.problems = tuple(problems)
        Exception.__init__(self, self.problems)

    def __str__(self) -> str:
        """Field and message of each problem."""
        return "; ".join(map(str, self.problems))


class UnreadableFile(RegistryError):
    """A file cannot be read as what it should be; nothing of it was stored."""


class CatalogueError(RegistryError):
    """A catalogue row lacks its source or contradicts itself."""


class DatabaseUnavailable(RegistryError):
    """The database is missing, newer than this program, read-only, full or unreachable."""


class Unfit(RegistryError):
    """The installation fails one of its own safety checks and will not start."""
