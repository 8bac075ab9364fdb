"""What was done last at each site of a patient, and how it looked since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from registry.entry.forms import FollowUpEntry, InjectionEntry, SessionEntry
from registry.vocabulary import Laterality, SiteFinding

SiteKey = tuple[Laterality, str]
"""Side and anatomy code: the identity of a site across a patient's sessions."""


@dataclass(frozen=True, slots=True)
class SitePast:
    """The last treatment of a site, and the last look at it since.

    ``finding`` and ``seen_on`` are None while nobody has looked at it since.
    """

    treated_on: dt.date
    injections: tuple[InjectionEntry, ...] = ()
    finding: SiteFinding | None = None
    seen_on: dt.date | None = None


def past_of_sites(
    sessions: Iterable[SessionEntry], follow_ups: Iterable[FollowUpEntry]
) -> dict[SiteKey, SitePast]:
    """The past of every site that was treated.

    A look counts from the day after the last treatment on: what was seen before a retreatment says
    nothing about it. A site that could not be assessed was not looked at.
    """
    past: dict[SiteKey, SitePast] = {}
    for session in sorted(sessions, key=lambda session: session.treated_on):
        for site in session.sites:
            key = (site.side, site.anatomy_code)
            known = past.get(key)
            earlier = known.injections if known and known.treated_on == session.treated_on else ()
            past[key] = SitePast(session.treated_on, earlier + site.injections)
    held = [(visit.seen_on, visit) for visit in follow_ups if visit.seen_on is not None]
    for seen_on, visit in sorted(held, key=lambda pair: pair[0]):
        for outcome in visit.site_outcomes:
            key = (outcome.side, outcome.anatomy_code)
            if (
                key in past
                and seen_on > past[key].treated_on
                and outcome.finding is not SiteFinding.NOT_ASSESSED
            ):
                past[key] = replace(past[key], finding=outcome.finding, seen_on=seen_on)
    return past
