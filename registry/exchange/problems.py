"""What is wrong with a set of files: every problem counted, the first of each level kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from registry import language
from registry.entry.problems import Level
from registry.messages import Message, message

KEPT_PER_LEVEL: Final = 2_000
KEPT_NOTES: Final = 100


@dataclass(frozen=True, slots=True)
class FileProblem:
    """One broken rule at one place.

    ``row`` counts as a spreadsheet does, the header being row 1; 0 is the file as a whole.
    ``column`` is empty for the whole row. ``found`` is the class of what stood there ("blank",
    "decimal comma"), never the value.
    """

    file: str
    row: int
    column: str
    found: str
    rule: str
    message: Message
    level: Level = Level.REFUSE

    @property
    def placed(self) -> Message:
        """Place and message, for a person."""
        place = message("{file}", file=self.file)
        if self.row:
            place = message("{file}, row {row}", file=self.file, row=language.count(self.row))
        if self.column:
            place = message("{place}, {column}", place=place, column=self.column)
        said = message("{place}: {problem}", place=place, problem=self.message)
        if not self.found:
            return said
        return message("{said} (found: {found})", said=said, found=message(self.found))

    def __str__(self) -> str:
        """Place and message, for a person."""
        return str(self.placed)


@dataclass(frozen=True, slots=True)
class ProblemCount:
    """How often one rule was broken in one column; ``first`` shows where it began."""

    count: int
    first: FileProblem


class Problems:
    """All problems of an import: counted without limit, kept up to a limit for each level."""

    def __init__(self, problems: Iterable[FileProblem] = ()) -> None:
        self._counts: Counter[tuple[Level, str, str, str]] = Counter()
        self._first: dict[tuple[Level, str, str, str], FileProblem] = {}
        self._kept: dict[Level, list[FileProblem]] = {level: [] for level in Level}
        for problem in problems:
            self.add(problem)

    def add(self, problem: FileProblem) -> None:
        """Count a problem, and keep it while there are few."""
        key = (problem.level, problem.file, problem.column, problem.rule)
        self._counts[key] += 1
        self._first.setdefault(key, problem)
        if self.keeps_more(problem.level):
            self._kept[problem.level].append(problem)

    def keeps_more(self, level: Level) -> bool:
        """Whether a further problem of that level is kept and not only counted."""
        return len(self._kept[level]) < (KEPT_NOTES if level is Level.NOTE else KEPT_PER_LEVEL)

    def copy(self) -> Problems:
        """An independent copy that can be added to."""
        new = Problems()
        new._counts = self._counts.copy()
        new._first = dict(self._first)
        new._kept = {level: list(kept) for level, kept in self._kept.items()}
        return new

    def count(self, level: Level) -> int:
        """How many problems of that level there are."""
        return sum(count for key, count in self._counts.items() if key[0] is level)

    def kept(self, level: Level) -> tuple[FileProblem, ...]:
        """The first problems of that level, in the order in which they were found."""
        return tuple(self._kept[level])

    def by_rule(self, level: Level) -> tuple[ProblemCount, ...]:
        """The problems of that level by file, column and rule, the most frequent first."""
        return tuple(
            ProblemCount(count, self._first[key])
            for key, count in self._counts.most_common()
            if key[0] is level
        )

    def rules(self, level: Level) -> frozenset[str]:
        """The rules that were broken at that level."""
        return frozenset(key[3] for key in self._counts if key[0] is level)

    def to_dict(self) -> dict[str, Any]:
        """Counts by level, file, column and rule, and the places kept, for JSON."""
        return {
            level.value: {
                "count": self.count(level),
                "by_rule": [
                    {
                        "file": entry.first.file,
                        "column": entry.first.column,
                        "rule": entry.first.rule,
                        "count": entry.count,
                        "first_row": entry.first.row,
                        "message": str(entry.first.message),
                    }
                    for entry in self.by_rule(level)
                ],
            }
            for level in Level
        }
