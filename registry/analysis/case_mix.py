"""What two groups of sessions are made equal in before they are compared, and how far they can be.

Everything that is levelled enters a model with the group. Where a group has sessions of a kind
that the other has none of, the model can only assume that they would differ as the others do; so
sessions with a counterpart are counted, and without enough of them nothing is adjusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry.analysis.cohort import DIMENSION_LABELS
from registry.analysis.counting import Flags
from registry.analysis.facts import Facts
from registry.messages import Message, inline, listed, message
from registry.statistics import display_rules

CASE_MIX: Final = ("vessel_class", "form", "indication", "skin_type")
"""What is levelled, in this order, as far as the number of events allows."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counterparts:
    """How many sessions of a group have one of the other group recorded at the same levels.

    ``mainly`` is the level, of what is levelled first, of more than half of those in both groups;
    None where no level is.
    """

    label: Message
    sessions: int
    comparable: int
    mainly: str | None


@dataclass(frozen=True, slots=True, eq=False)
class CaseMix:
    """Columns of what is levelled, None for nothing; its names, and what differs but is not.

    ``counterparts`` are those of the two groups; empty where nothing is levelled.
    """

    columns: Floats | None = None
    levelled: tuple[str, ...] = ()
    too_few_for: tuple[str, ...] = ()
    inseparable: tuple[str, ...] = ()
    counterparts: tuple[Counterparts, ...] = ()

    @property
    def smaller(self) -> Counterparts:
        """The group with fewer sessions."""
        return min(self.counterparts, key=lambda group: group.sessions)

    @property
    def is_carried(self) -> bool:
        """Whether something is levelled and enough sessions are comparable at equal levels."""
        return self.columns is not None and display_rules.adjusts(
            self.smaller.comparable, self.smaller.sessions
        )


def case_mix(
    facts: Facts,
    rows: NDArray[np.int64],
    in_first: Flags,
    had: Flags,
    labels: tuple[Message, Message],
    grouping: str,
) -> CaseMix:
    """What can be levelled between two groups of sessions, the ``rows`` of ``facts``.

    ``in_first`` tells the groups, called ``labels``, apart; ``had`` says which had the event. Ten
    events, or non-events if fewer, are needed for each column. What the groups are made of, the
    ``grouping``, is not levelled.
    """
    events = min(int(had.sum()), int((~had).sum()))
    columns = np.column_stack([np.ones(len(rows)), in_first])
    levelled: list[str] = []
    too_few_for: list[str] = []
    inseparable: list[str] = []
    for name in CASE_MIX:
        if name == grouping:
            continue
        new = _indicators(facts.sessions[name].to_numpy()[rows], had)
        wider = np.column_stack([columns, new])
        if not new.shape[1]:
            continue
        if np.linalg.matrix_rank(wider) < wider.shape[1]:
            inseparable.append(name)
        elif display_rules.fits_model(events, wider.shape[1] - 1):
            columns = wider
            levelled.append(name)
        else:
            too_few_for.append(name)
    return CaseMix(
        columns[:, 2:] if levelled else None,
        tuple(levelled),
        tuple(too_few_for),
        tuple(inseparable),
        _counterparts(facts, rows, in_first, labels, levelled) if levelled else (),
    )


def _indicators(codes: NDArray[np.int64], had: Flags) -> Floats:
    """One column a level but the most frequent; those with few events are one level."""
    least = display_rules.MINIMUM_EVENTS_FOR_TREND
    events = np.bincount(codes[had], minlength=int(codes.max()) + 1)
    own = np.flatnonzero(events >= least)
    together = np.where(np.isin(codes, own), codes, -1)
    if int(had[together < 0].sum()) < least:
        together = np.where(together < 0, np.bincount(codes).argmax(), together)
    levels, sizes = np.unique(together, return_counts=True)
    others = np.delete(levels, sizes.argmax())
    return np.asarray(together[:, None] == others[None, :], dtype=np.float64)


def _counterparts(
    facts: Facts,
    rows: NDArray[np.int64],
    in_first: Flags,
    labels: tuple[Message, Message],
    levelled: list[str],
) -> tuple[Counterparts, ...]:
    codes = np.column_stack([facts.sessions[name].to_numpy()[rows] for name in levelled])
    _, kind = np.unique(codes, axis=0, return_inverse=True)
    kinds = [np.bincount(kind[group], minlength=kind.max() + 1) for group in (in_first, ~in_first)]
    shared = (np.minimum(*kinds) > 0)[kind]
    found = np.bincount(codes[shared, 0], minlength=1)
    most = int(found.argmax())
    mainly = facts.levels[levelled[0]][most] if 2 * found[most] > shared.sum() else None
    return tuple(
        Counterparts(label, int(group.sum()), int((shared & group).sum()), mainly)
        for label, group in zip(labels, (in_first, ~in_first), strict=True)
    )


def names_of(dimensions: tuple[str, ...]) -> tuple[Message, ...]:
    """What dimensions are called within a sentence."""
    return tuple(inline(DIMENSION_LABELS[name]) for name in dimensions)


def adjustment(levelled: tuple[str, ...]) -> Message:
    """What the groups were made equal in; why in nothing is said beside the figures."""
    if not levelled:
        return message("Not adjusted for anything.")
    return message(
        "Adjusted: the same at equal {names}, as far as they were recorded; levels with fewer than "
        "five events are taken together.",
        names=listed(names_of(levelled)),
    )


def not_comparable(mix: CaseMix, mainly: Message | None) -> list[Message]:
    """For each group with sessions that the adjusted figure says nothing of, how many.

    ``mainly`` is what the level of most others is called.
    """
    found = []
    for group in mix.counterparts:
        counts = {
            "lacking": group.sessions - group.comparable,
            "sessions": group.sessions,
            "group": group.label,
            "names": listed(names_of(mix.levelled)),
        }
        if group.comparable == group.sessions:
            continue
        found.append(
            message(
                "{lacking} of {sessions} sessions of {group} have nothing comparable: the other "
                "group has none at equal {names}. The adjusted figure is of the others.",
                **counts,
            )
            if mainly is None
            else message(
                "{lacking} of {sessions} sessions of {group} have nothing comparable: the other "
                "group has none at equal {names}. The adjusted figure is of the others, mainly "
                "{level}.",
                level=mainly,
                **counts,
            )
        )
    return found


def why_not_adjusted(mix: CaseMix, events: int, *, is_adjusted: bool) -> list[Message]:
    """For each thing that differs and was not levelled, or for all of them, the reason."""
    found = []
    if mix.levelled and not is_adjusted:
        names = listed(names_of(mix.levelled))
        if mix.is_carried:
            found.append(
                message(
                    "Not adjusted for {names}: the sessions do not determine a difference at equal "
                    "levels.",
                    names=names,
                )
            )
        else:
            found.append(
                message(
                    "Not adjusted for {names}: only {comparable} of {sessions} sessions of {group} "
                    "have one of the other group at equal levels; half of the smaller group is the "
                    "least.",
                    names=names,
                    comparable=mix.smaller.comparable,
                    sessions=mix.smaller.sessions,
                    group=mix.smaller.label,
                )
            )
    if mix.too_few_for:
        found.append(
            message(
                "Not adjusted for {names}: too few events for it ({events} in the two groups).",
                names=listed(names_of(mix.too_few_for)),
                events=events,
            )
        )
    if mix.inseparable:
        found.append(
            message(
                "Not adjusted for {names}: here it goes with the groups and cannot be told apart "
                "from them.",
                names=listed(names_of(mix.inseparable)),
            )
        )
    return found or [
        message("Not adjusted: nothing else that is levelled differs between these sessions.")
    ]
