"""How each treated site of one person did, look by look."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from registry.catalogue import catalogue
from registry.entry.forms import FollowUpEntry, SessionEntry, SiteOutcomeEntry
from registry.vocabulary import FollowUpStatus, Laterality, Occlusion, SiteFinding

Site = tuple[Laterality, str]

AGAIN: Final = frozenset({SiteFinding.VISIBLE_AGAIN, SiteFinding.REFLUX_AGAIN})


@dataclass(frozen=True, slots=True)
class SiteLook:
    """One look at a site; ``came_back`` when it had been cleared or occluded at an earlier one."""

    day: dt.date
    outcome: SiteOutcomeEntry
    came_back: bool


def site_looks(follow_ups: Iterable[FollowUpEntry]) -> Mapping[Site, Sequence[SiteLook]]:
    """Every look at each site, in the order of the days."""
    looks: defaultdict[Site, list[SiteLook]] = defaultdict(list)
    cleared: set[Site] = set()
    held = [
        (visit.seen_on, visit)
        for visit in follow_ups
        if visit.status is FollowUpStatus.SEEN and visit.seen_on is not None
    ]
    for day, visit in sorted(held, key=lambda pair: pair[0]):
        for outcome in visit.site_outcomes:
            site = (outcome.side, outcome.anatomy_code)
            came_back = outcome.finding in AGAIN and site in cleared
            looks[site].append(SiteLook(day, outcome, came_back))
            if is_success(outcome):
                cleared.add(site)
    return looks


def latest_looks(
    session: SessionEntry,
    sessions: Iterable[SessionEntry],
    looks: Mapping[Site, Sequence[SiteLook]],
) -> tuple[SiteLook, ...]:
    """The last look at each site of a session before the site was treated again."""
    treated_again: dict[Site, dt.date] = {}
    for other in sessions:
        if other.treated_on > session.treated_on:
            for site in other.sites:
                key = (site.side, site.anatomy_code)
                treated_again[key] = min(treated_again.get(key, other.treated_on), other.treated_on)
    found = []
    for key in dict.fromkeys((site.side, site.anatomy_code) for site in session.sites):
        until = treated_again.get(key)
        own = [
            look
            for look in looks.get(key, ())
            if session.treated_on < look.day and (until is None or look.day <= until)
        ]
        found += own[-1:]
    return tuple(found)


def is_success(outcome: SiteOutcomeEntry) -> bool:
    """Whether the site is cleared (on its scale, or as found) or occluded, and not back again."""
    if outcome.finding in AGAIN:
        return False
    scale = catalogue().scales.get(outcome.scale_code or "")
    if scale is not None and scale.success_at is not None and outcome.score is not None:
        reached = (
            outcome.score >= scale.success_at
            if scale.higher_is_better
            else outcome.score <= scale.success_at
        )
    else:
        reached = outcome.finding is SiteFinding.CLEARED
    return reached or outcome.occlusion is Occlusion.COMPLETE
