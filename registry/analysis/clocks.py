"""What can happen to treated veins, each on a clock of its own.

Seen again, open again on duplex, treated again and a new vein are different facts: each has a start
of its own, an event, what competes with it, and its own end of observation. None of the clocks is a
part of another, so their figures do not add up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry.analysis.facts import Facts
from registry.analysis.treated_sites import DEATH_COUNTS_FOR, histories_of, looks_of
from registry.messages import Message, message
from registry.vocabulary import SessionIntent

EVENT: Final = 1
"""Code of the event of a clock; what competes with it follows in the order of the clock."""
_NEVER: Final = np.iinfo(np.int64).max // 8
_RETREATED: Final = message("retreatment of the site before it")
_DIED: Final = message("death")

Flags = NDArray[np.bool_]
Days = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """One entry for each unit whose clock has started.

    ``site`` is the treated site by which the unit belongs to a cohort and a group, ``ending`` 0
    when observation ended without anything, :data:`EVENT`, or what competed with it.
    """

    site: Days
    patient: Days
    duration: Days
    ending: Days

    def of(self, chosen: Flags) -> Times:
        """The chosen entries."""
        columns = (self.site, self.patient, self.duration, self.ending)
        return Times(*(column[chosen] for column in columns))


@dataclass(frozen=True, slots=True)
class Clock:
    """One question of time: from what, to what, and what makes it unobservable.

    ``times`` works out the entries of the sites that are kept.
    """

    code: str
    label: Message
    starts: Message
    event: Message
    competing: tuple[Message, ...]
    ends: Message
    unit: str
    times: Callable[[Facts, Flags], Times]


def _recurrence(facts: Facts, kept: Flags) -> Times:
    histories = histories_of(facts)
    site = np.flatnonzero(kept & (histories.success_day >= 0))
    columns = (histories.patient, histories.duration, histories.ending)
    return Times(site, *(column[site] for column in columns))


def _visible_again(facts: Facts, kept: Flags) -> Times:
    looks = looks_of(facts)
    return _between_looks(facts, kept, looks.cleared, looks.visible_again, looks.assessed)


def _recanalisation(facts: Facts, kept: Flags) -> Times:
    looks = looks_of(facts)
    again = looks.examined & ~looks.occluded
    return _between_looks(facts, kept, looks.occluded, again, looks.examined)


def _retreatment(facts: Facts, kept: Flags) -> Times:
    histories = histories_of(facts)
    site = np.flatnonzero(kept)
    patient, start = histories.patient[site], histories.planned_day[site]
    again = np.where(histories.retreated_day < 0, _NEVER, histories.retreated_day)[site]
    return _ended(facts, site, patient, start, last_contact(facts)[patient], (again,))


def _new_vein(facts: Facts, kept: Flags) -> Times:
    histories = histories_of(facts)
    won = np.flatnonzero(kept & (histories.success_day >= 0))
    # The first success of each patient, and of one day the first site.
    order = won[np.lexsort((won, histories.success_day[won], histories.patient[won]))]
    patients = histories.patient[order]
    site = order[np.diff(patients, prepend=-1) > 0]
    patient, start = histories.patient[site], histories.success_day[site]
    starts = np.full(facts.patients, _NEVER, dtype=np.int64)
    starts[patient] = start
    found = np.flatnonzero(_is_new_vein(facts))
    owners, days = (facts.sessions[name].to_numpy()[found] for name in ("patient", "day"))
    event = _first(owners, days, days > starts[owners], facts.patients)
    return _ended(facts, site, patient, start, last_contact(facts)[patient], (event[patient],))


def _is_new_vein(facts: Facts) -> Flags:
    """Sessions for a new vein, unless every site treated in them had been treated before."""
    intent = facts.levels["intent"]
    if SessionIntent.NEW_VEIN not in intent:
        return np.zeros(len(facts.sessions), dtype=np.bool_)
    meant = facts.sessions["intent"].to_numpy() == intent.index(SessionIntent.NEW_VEIN)
    sites = facts.sites
    session, day = sites["session"].to_numpy(), sites["day"].to_numpy()
    first_of_site = np.diff(sites["site"].to_numpy(), prepend=-1) > 0
    first_day = np.maximum.accumulate(np.where(first_of_site, np.arange(len(sites)), 0))
    is_first = day == day[first_day] if len(sites) else np.zeros(0, dtype=np.bool_)
    new, any_site = (np.zeros(len(facts.sessions), dtype=np.bool_) for _ in range(2))
    new[session[is_first]] = True
    any_site[session] = True
    return np.asarray(meant & (new | ~any_site))


def last_contact(facts: Facts) -> Days:
    """Day on which each patient was last seen, asked or treated."""

    def make() -> Days:
        last = np.full(facts.patients, -1, dtype=np.int64)
        for table in (facts.sessions, facts.visits):
            np.maximum.at(last, table["patient"].to_numpy(), table["day"].to_numpy())
        return last

    return facts.once("last contact", make)


def _between_looks(
    facts: Facts, kept: Flags, starting: Flags, again: Flags, looked: Flags
) -> Times:
    """From the first look after the plan with ``starting`` to the first later one with ``again``.

    Sites not seen so are observed until their last look with ``looked``.
    """
    histories, looks = histories_of(facts), looks_of(facts)
    size = len(histories.session)
    retreated = np.where(histories.retreated_day < 0, _NEVER, histories.retreated_day)
    in_plan = looks.assessed & (looks.day > histories.planned_day[looks.site])
    starting = starting & in_plan & (looks.day <= retreated[looks.site])
    start = _first(looks.site, looks.day, starting, size)
    event = _first(looks.site, looks.day, again & (looks.day > start[looks.site]), size)
    last = np.full(size, -1, dtype=np.int64)
    np.maximum.at(last, looks.site[looked], looks.day[looked])
    site = np.flatnonzero(kept & (start < _NEVER))
    ends = (event[site], retreated[site])
    return _ended(facts, site, histories.patient[site], start[site], last[site], ends)


def _first(owner: Days, day: Days, wanted: Flags, size: int) -> Days:
    """First day that is wanted of each owner; :data:`_NEVER` without one."""
    first = np.full(size, _NEVER, dtype=np.int64)
    np.minimum.at(first, owner[wanted], day[wanted])
    return first


def _ended(
    facts: Facts, site: Days, patient: Days, start: Days, last: Days, ends: tuple[Days, ...]
) -> Times:
    """Observation from ``start`` to the first of ``ends``, or to death, or to the ``last`` look.

    Of one day what comes first in ``ends`` counts, death last.
    """
    died = np.full(facts.patients, _NEVER, dtype=np.int64)
    for code, day in facts.deaths.items():
        died[code] = day
    death = died[patient]
    death = np.where((start <= death) & (death <= last + DEATH_COUNTS_FOR), death, _NEVER)
    days = np.stack([*ends, death])
    cause = days.argmin(axis=0)
    day = days[cause, np.arange(site.size)]
    happened = day < _NEVER
    return Times(
        site,
        patient,
        np.where(happened, day, last) - start,
        np.where(happened, cause + EVENT, 0),
    )


CLOCKS: Final[Mapping[str, Clock]] = {
    clock.code: clock
    for clock in (
        Clock(
            "recurrence",
            message("Recurrence, however seen"),
            message("success: cleared or occluded after the last planned session"),
            message("visible or refluxing again"),
            (_RETREATED, _DIED),
            message("the last look at the site"),
            "sites",
            _recurrence,
        ),
        Clock(
            "visible_again",
            message("Seen again"),
            message("cleared to the eye after the last planned session"),
            message("visible again to the eye or on a photograph"),
            (_RETREATED, _DIED),
            message("the last look at the site"),
            "sites",
            _visible_again,
        ),
        Clock(
            "recanalisation",
            message("Open again on duplex"),
            message("occluded on duplex after the last planned session"),
            message("refluxing again, or no longer completely occluded"),
            (_RETREATED, _DIED),
            message("the last duplex examination of the site"),
            "sites",
            _recanalisation,
        ),
        Clock(
            "retreatment",
            message("Treated again"),
            message("the last planned session, whatever its result"),
            message("a later session at the site that is no stage of the plan"),
            (_DIED,),
            message("the last contact with the patient"),
            "sites",
            _retreatment,
        ),
        Clock(
            "new_vein",
            message("New vein elsewhere"),
            message("the patient's first success at any site"),
            message("a later session for a new vein at a site not treated before"),
            (_DIED,),
            message("the last contact with the patient"),
            "patients",
            _new_vein,
        ),
    )
}
"""The clocks, in the order in which they are told."""
