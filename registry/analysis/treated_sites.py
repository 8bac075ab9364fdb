"""What became of every treated site: its plan, its looks, success, and how observation ended.

A *site* is a patient's leg and region or vein, the same across sessions. *Success* is the first
follow-up after the last planned session at which it is cleared or occluded. A session at the site
after a success is a retreatment unless it was a planned stage. Residual veins, planned stages, new
veins and retreatments are separate facts and never count as recurrence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry.access import Actor, Permission, scope
from registry.analysis.cohort import level_label, level_order
from registry.analysis.dimensions import DIMENSIONS
from registry.analysis.facts import Facts
from registry.analysis.site_facts import OF_SITES
from registry.catalogue import catalogue
from registry.messages import Message
from registry.vocabulary import Occlusion, SessionIntent, SiteFinding

RECURRENCE, RETREATMENT, DEATH = 1, 2, 3
ALL: Final = "none"
GROUPINGS: Final = (ALL, *DIMENSIONS)
CLEAR_VISIT: Final = "review_12m"
DEATH_COUNTS_FOR: Final = 92
"""Days after the last look within which a death is an end of observation: the tolerance of the
12-month visit. A later one is censored at that look, like those of whom nothing more is heard;
otherwise the dead would stay under observation longer than the living. Our decision."""

_RETREATING = (
    SessionIntent.RESIDUAL.value,
    SessionIntent.RECURRENCE.value,
    SessionIntent.RECANALISATION.value,
)
_AGAIN = (SiteFinding.VISIBLE_AGAIN, SiteFinding.REFLUX_AGAIN)

Flags = NDArray[np.bool_]
Days = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SiteHistories:
    """One entry a site: its last planned session, success, and how observation of it ended.

    ``treatment`` is the row of the facts on sites of the last planned session, ``stages`` the days
    of treatment up to it, ``retreated_day`` the first day of treatment after the plan, or -1.
    ``success_day`` is -1 without success; ``duration`` and ``ending`` (0 censored, else the cause)
    count from it. ``improved``: seen improved, cleared or occluded after the last planned session.
    ``clear_12`` is 1 clear, 0 not clear, -1 not assessed at the 12-month visit.
    """

    session: Days
    patient: Days
    planned_day: Days
    looked_at: Flags
    success_day: Days
    duration: Days
    ending: Days
    seen_by: tuple[str | None, ...]
    clear_12: Days
    treatment: Days
    stages: Days
    retreated_day: Days
    improved: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Every look at a site, in the order of site and day, and what it showed.

    ``success`` is cleared, occluded, or the clinic's threshold of the scale reached, and not back;
    ``cleared`` is the same without the occlusion. ``assessed`` says that anything was looked at.
    """

    site: Days
    day: Days
    assessed: Flags
    success: Flags
    cleared: Flags
    improved: Flags
    visible_again: Flags
    reflux_again: Flags
    examined: Flags
    occluded: Flags
    method: tuple[str | None, ...]

    @property
    def again(self) -> Flags:
        """Visible or refluxing again."""
        return self.visible_again | self.reflux_again


def levels_of_sites(facts: Facts, dimension: str) -> tuple[Days, tuple[str, ...]]:
    """The level of each treated site in a dimension, as a code, and the levels.

    Region or vein, vessel class and calibre are the site's own at its last planned session; all
    else is that of the session.
    """
    histories = histories_of(facts)
    if dimension == "site":
        return facts.sites["anatomy_code"].to_numpy()[histories.treatment], OF_SITES[dimension]
    if dimension in OF_SITES:
        return facts.sites[dimension].to_numpy()[histories.treatment], OF_SITES[dimension]
    return facts.sessions[dimension].to_numpy()[histories.session], facts.levels[dimension]


def groups_of_sites(
    facts: Facts, dimension: str, kept: Flags, by: Actor
) -> list[tuple[str, Message, Flags]]:
    """Code, label and sites of each level that occurs among the ``kept``, in natural order."""
    scope(by, Permission.READ_RATES)
    codes, levels = levels_of_sites(facts, dimension)
    present = {levels[i]: i for i in np.unique(codes[kept])}
    return [
        (level, level_label(facts, dimension, level, by), kept & (codes == present[level]))
        for level in sorted(present, key=lambda level: level_order(dimension, level))
    ]


def sites_of(histories: SiteHistories, chosen: Flags) -> Flags:
    """The sites whose last planned session is one of the ``chosen``."""
    if not len(histories.session):
        return np.zeros(0, dtype=np.bool_)
    return np.asarray(chosen[histories.session])


def histories_of(facts: Facts) -> SiteHistories:
    """The history of each site, worked out once for each state of the data."""
    return facts.once("site histories", lambda: site_histories(facts))


def looks_of(facts: Facts) -> Looks:
    """Every look at a site, worked out once for each state of the data."""
    return facts.once("looks at sites", lambda: _looks(facts))


def site_histories(facts: Facts) -> SiteHistories:
    """Work out each site's history from its treatments and the findings at follow-ups."""
    intents = np.array(facts.levels["intent"], dtype=object)[facts.sessions["intent"].to_numpy()]
    sites = facts.sites
    count = int(sites["site"].max()) + 1 if len(sites) else 0
    intent = intents[sites["session"].to_numpy()]
    treated = list(
        zip(sites["day"].tolist(), sites["session"].tolist(), intent.tolist(), strict=True)
    )
    treated_from = np.searchsorted(sites["site"].to_numpy(), np.arange(count + 1)).tolist()
    looks = _one_by_one(looks_of(facts))
    looked_from = np.searchsorted(facts.outcomes["site"].to_numpy(), np.arange(count + 1)).tolist()
    patients = sites["patient"].to_numpy()
    entries = [
        _history(
            int(patients[treated_from[i]]),
            treated_from[i],
            treated[treated_from[i] : treated_from[i + 1]],
            looks[looked_from[i] : looked_from[i + 1]],
            facts,
        )
        for i in range(count)
    ]
    columns = list(zip(*entries, strict=True)) if entries else [()] * 13
    integers = {i: np.array(columns[i], dtype=np.int64) for i in (0, 1, 2, 4, 5, 6, 8, 9, 10, 11)}
    return SiteHistories(
        session=integers[0],
        patient=integers[1],
        planned_day=integers[2],
        looked_at=np.array(columns[3], dtype=np.bool_),
        success_day=integers[4],
        duration=integers[5],
        ending=integers[6],
        seen_by=tuple(columns[7]),
        clear_12=integers[8],
        treatment=integers[9],
        stages=integers[10],
        retreated_day=integers[11],
        improved=np.array(columns[12], dtype=np.bool_),
    )


def reaches_success(facts: Facts) -> Flags:
    """Looks whose score reaches the clinic's threshold of its scale."""
    outcomes = facts.outcomes
    score, scales = outcomes["score"].to_numpy(), outcomes["scale"].to_numpy()
    reached = np.zeros(len(outcomes), dtype=np.bool_)
    for number, code in enumerate(facts.levels["scale"]):
        scale = catalogue().scales[code]
        if scale.success_at is not None:
            at = float(scale.success_at)
            good = score >= at if scale.higher_is_better else score <= at
            reached |= (scales == number) & good
    return reached


def _looks(facts: Facts) -> Looks:
    outcomes = facts.outcomes
    level = {name: list(facts.levels[name]) for name in ("finding", "occlusion", "scale")}
    finding, occlusion = outcomes["finding"].to_numpy(), outcomes["occlusion"].to_numpy()

    def found(*wanted: SiteFinding) -> Flags:
        return np.isin(finding, [level["finding"].index(code) for code in wanted])

    # A score on a scale with a threshold says more than the word beside it.
    scales = catalogue().scales
    judged = [i for i, code in enumerate(level["scale"]) if scales[code].success_at is not None]
    scored = np.isin(outcomes["scale"].to_numpy(), judged)
    cleared = np.where(scored, reaches_success(facts), found(SiteFinding.CLEARED))
    occluded = occlusion == level["occlusion"].index(Occlusion.COMPLETE)
    seen = [i for i, code in enumerate(level["occlusion"]) if code != Occlusion.NOT_EXAMINED]
    examined = np.isin(occlusion, seen)
    again = found(*_AGAIN)
    success = (cleared | occluded) & ~again
    methods = np.array([*facts.levels["method"], None], dtype=object)
    return Looks(
        site=outcomes["site"].to_numpy(),
        day=outcomes["day"].to_numpy(),
        assessed=~found(SiteFinding.NOT_ASSESSED) | examined,
        success=success,
        cleared=cleared & ~again,
        improved=success | found(SiteFinding.IMPROVED),
        visible_again=found(SiteFinding.VISIBLE_AGAIN),
        reflux_again=found(SiteFinding.REFLUX_AGAIN),
        examined=examined | found(SiteFinding.REFLUX_AGAIN),
        occluded=occluded & ~found(SiteFinding.REFLUX_AGAIN),
        method=tuple(methods[outcomes["method"].to_numpy()].tolist()),
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """One finding at one follow-up."""

    day: int
    assessed: bool
    success: bool
    improved: bool
    again: bool
    method: str | None


def _one_by_one(looks: Looks) -> list[_Look]:
    columns = (looks.day, looks.assessed, looks.success, looks.improved, looks.again)
    rows = zip(*(column.tolist() for column in columns), looks.method, strict=True)
    return [_Look(*values) for values in rows]


def _history(
    patient: int,
    row: int,
    treated: Sequence[tuple[int, int, str]],
    looks: Sequence[_Look],
    facts: Facts,
) -> tuple[int, int, int, bool, int, int, int, str | None, int, int, int, int, bool]:
    # A site first met as a retreatment starts with it.
    plan = next((i for i in range(1, len(treated)) if _ends_plan(treated, i, looks)), len(treated))
    planned_day, session, _ = treated[plan - 1]
    retreated = treated[plan][0] if plan < len(treated) else None
    after = [look for look in looks if look.assessed and look.day > planned_day]
    in_plan = [look for look in after if retreated is None or look.day <= retreated]
    success = next((look.day for look in in_plan if look.success), -1)
    rest = (
        _clear_at_visit(after, planned_day, retreated),
        row + plan - 1,
        len({day for day, _, _ in treated[:plan]}),
        -1 if retreated is None else retreated,
        any(look.improved for look in in_plan),
    )
    if success < 0:
        return session, patient, planned_day, bool(after), -1, 0, 0, None, *rest
    again = next((look for look in after if look.day > success and look.again), None)
    died = facts.deaths.get(patient)
    # Of the same day, what was seen comes before what was done about it.
    ends = [(again.day, RECURRENCE)] if again is not None else []
    ends += [(retreated, RETREATMENT)] if retreated is not None else []
    last_look = max(look.day for look in after)
    if died is not None and success <= died <= last_look + DEATH_COUNTS_FOR:
        ends.append((died, DEATH))
    day, cause = min(ends, default=(last_look, 0))
    method = again.method if again is not None and cause == RECURRENCE else None
    return session, patient, planned_day, True, success, day - success, cause, method, *rest


def _ends_plan(treated: Sequence[tuple[int, int, str]], i: int, looks: Sequence[_Look]) -> bool:
    """Whether the i-th session at a site is a retreatment, no stage of the plan.

    It is when it says so, when the vein had come back after a success, or, unless it was a planned
    stage, when there had been a success at all. Sessions of the first day belong together.
    """
    day, _, intent = treated[i]
    if day == treated[0][0]:
        return False
    before = [look for look in looks if look.assessed and treated[0][0] < look.day <= day]
    success = next((look.day for look in before if look.success), None)
    again = success is not None and any(look.again and look.day > success for look in before)
    planned = intent == SessionIntent.PLANNED_STAGE
    return intent in _RETREATING or again or (success is not None and not planned)


def _clear_at_visit(looks: Sequence[_Look], planned_day: int, retreated: int | None) -> int:
    """Clear and not retreated at the 12-month visit: 1 yes, 0 no, -1 not assessed."""
    visit = catalogue().visits[CLEAR_VISIT]
    after = None if retreated is None else retreated - planned_day
    if after is not None and after <= visit.due_day:
        return 0
    states = [
        look.success for look in looks if visit.from_day <= look.day - planned_day <= visit.to_day
    ]
    return int(states[-1]) if states else -1
