"""Which follow-up visits the made-up patients come to, and what is found there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from registry.catalogue import catalogue
from registry.entry.forms import (
    FindingEntry,
    FollowUpEntry,
    SessionEntry,
    SiteOutcomeEntry,
)
from registry.operations.demo.case import Case, Site, workday
from registry.operations.demo.practice import CHECKLIST, DEEP, NEEDS_EYES, NOT_SEEN, SEEN
from registry.vocabulary import (
    FindingState,
    FollowUpMethod,
    FollowUpStatus,
    Occlusion,
    SiteFinding,
)


def visit(
    case: Case, session: SessionEntry, visit_code: str, after: int, *, certain: bool = False
) -> FollowUpEntry | None:
    """Follow up ``after`` days: seen, missed or still planned; None once the patient left."""
    if case.is_lost:
        return None
    rng = case.rng
    due_on = session.treated_on + dt.timedelta(days=catalogue().visits[visit_code].due_day)
    seen_on = workday(session.treated_on + dt.timedelta(days=after))
    status = FollowUpStatus.SEEN
    if not certain and rng.random() > SEEN[visit_code]:
        status = rng.choices([s for s, _ in NOT_SEEN], [w for _, w in NOT_SEEN])[0]
    if max(seen_on, due_on) > case.today:
        status = FollowUpStatus.PLANNED
    case.is_lost = status in (FollowUpStatus.LOST, FollowUpStatus.MOVED)
    visit = FollowUpEntry(
        id=case.new_id(),
        patient_id=case.patient.id,
        status=status,
        treatment_session_id=session.id,
        visit_code=visit_code,
        due_on=due_on,
    )
    if status is FollowUpStatus.SEEN:
        visit = _held(case, visit, session, seen_on, certain=certain)
    case.entries.append(visit)
    return visit


def _held(
    case: Case, visit: FollowUpEntry, session: SessionEntry, seen_on: dt.date, *, certain: bool
) -> FollowUpEntry:
    """The visit with what was asked, found and seen at it."""
    rng = case.rng
    method = FollowUpMethod.DUPLEX if case.vessel_class in DEEP else FollowUpMethod.CLINIC
    if visit.visit_code == "photo_12w":
        method = FollowUpMethod.PHOTOGRAPH
    elif not certain and rng.random() < (0.7 if visit.visit_code == "safety_2w" else 0.06):
        method = FollowUpMethod.PHONE
    by_eye = method is not FollowUpMethod.PHONE
    code = CHECKLIST.get(visit.visit_code or "")
    checklist = catalogue().checklists[code] if code is not None else None
    return replace(
        visit,
        seen_on=seen_on,
        method=method,
        checklist_code=checklist.code if checklist else None,
        checklist_version=checklist.version if checklist else None,
        days_to_normal=rng.choice([0, 0, 1, 1, 2, 3]) if visit.visit_code == "check_6_8w" else None,
        findings=_findings(case, checklist.term_codes, session, seen_on, by_eye=by_eye)
        if checklist
        else (),
        site_outcomes=tuple(
            _outcome(case, site, seen_on, duplex=method is FollowUpMethod.DUPLEX)
            for site in case.sites
            if site.treated and by_eye and visit.visit_code != "safety_2w"
        ),
    )


def _findings(
    case: Case,
    term_codes: Sequence[str],
    session: SessionEntry,
    seen_on: dt.date,
    *,
    by_eye: bool,
) -> tuple[FindingEntry, ...]:
    present = {
        event.event_term_code: FindingEntry(
            event_term_code=event.event_term_code,
            state=FindingState.PRESENT,
            adverse_event_id=event.id,
        )
        for event in case.events
        if event.treatment_session_id == session.id
        and event.event_term_code in term_codes
        and event.reported_on <= seen_on
    }
    unseen = {
        code: FindingEntry(event_term_code=code, state=FindingState.NOT_ASSESSED)
        for code in NEEDS_EYES
        if code in term_codes and not by_eye
    }
    return tuple((unseen | present).values())


def _outcome(case: Case, site: Site, seen_on: dt.date, *, duplex: bool) -> SiteOutcomeEntry:
    if site.is_clear(seen_on):
        finding, score = SiteFinding.CLEARED, (75, 100)
        occlusion = Occlusion.COMPLETE
    elif site.has_recurred(seen_on):
        finding = SiteFinding.REFLUX_AGAIN if duplex else SiteFinding.VISIBLE_AGAIN
        score, occlusion = (20, 60), Occlusion.NONE
    else:
        finding, score = SiteFinding.IMPROVED, (30, 70)
        occlusion = Occlusion.PARTIAL
    return SiteOutcomeEntry(
        side=site.side,
        anatomy_code=site.anatomy_code,
        finding=finding,
        scale_code="clearance_percent",
        score=Decimal(case.rng.randrange(score[0], score[1] + 1, 5)),
        occlusion=occlusion if duplex else None,
    )
