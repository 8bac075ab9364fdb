"""Records in words: the same lines after saving, on the timeline and before a correction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from itertools import groupby

from dashboard import words
from dashboard.text import _, ngettext
from registry.analysis.timeline import CourseSummary, agent_totals
from registry.entry.forms import (
    EventEntry,
    FollowUpEntry,
    InjectionEntry,
    SessionEntry,
    SiteEntry,
    SiteOutcomeEntry,
)
from registry.vocabulary import FindingState, FollowUpStatus, Modality, SeriousnessCriterion


def course(summary: CourseSummary) -> str:
    """A course, and how far it has come."""
    held = ngettext("{held} session", "{held} sessions", summary.sessions_held)
    if summary.planned_sessions is not None:
        held = _("{held} of {planned} sessions")
    parts = (
        _("Since {day}").format(day=words.day(summary.opened_on)),
        words.inline(summary.indication) if summary.indication else None,
        held.format(held=summary.sessions_held, planned=summary.planned_sessions),
    )
    return " · ".join(part for part in parts if part)


def session(entry: SessionEntry, clinicians: Mapping[int, str]) -> list[str]:
    """A session, a line for each thing."""
    head = (
        words.label(entry.modality),
        clinicians.get(entry.clinician_id) if entry.clinician_id is not None else None,
        words.inline(entry.intent) if entry.intent else None,
        words.inline(entry.guidance) if entry.guidance else None,
    )
    lines = [" · ".join(part for part in head if part)]
    lines += [site_in_words(site) for site in entry.sites]
    lines += [
        _("Place not stated: {given}").format(given=given_in_words([i])) for i in entry.injections
    ]
    lines += totals(entry)
    after = []
    if entry.pain is not None:
        after.append(_("pain {pain} of 10").format(pain=entry.pain))
    if entry.compression_class is not None:
        days = entry.compression_days
        text = ngettext(
            "compression {kind} for {days} day", "compression {kind} for {days} days", days or 0
        )
        if days is None:
            text = _("compression {kind}")
        after.append(text.format(kind=words.inline(entry.compression_class), days=days))
    if entry.weight_kg is not None:
        after.append(_("weight {weight} kg").format(weight=words.number(entry.weight_kg)))
    if entry.consent_version is not None:
        after.append(_("consent {version}").format(version=entry.consent_version))
    if after:
        text = ", ".join(after)
        lines.append(text[0].upper() + text[1:])
    if entry.note:
        lines.append(_("Note: {note}").format(note=entry.note))
    return lines


def session_in_short(entry: SessionEntry) -> str:
    """A session in one line: agents and totals, or the modality, and how many sites."""
    sites = ngettext("{count} site", "{count} sites", len(entry.sites)).format(
        count=len(entry.sites)
    )
    if entry.modality is not Modality.SCLEROTHERAPY:
        return f"{words.label(entry.modality)}, {sites}"
    given = "; ".join(
        given_in_words(list(group))
        for _key, group in groupby(
            sorted(entry.all_injections(), key=words.injection), key=words.injection
        )
    )
    return f"{given}, {sites}"


def totals(entry: SessionEntry) -> list[str]:
    """What each agent adds up to."""
    lines = []
    for total in agent_totals(entry.all_injections()):
        amount = _("{ml} mL, {mg} mg") if total.mg is not None else _("{ml} mL")
        if not total.complete:
            amount = _("{ml} mL, not counting volumes left blank")
        lines.append(
            _("{agent} in all: {amount}").format(
                agent=words.sclerosant(total.sclerosant_code),
                amount=amount.format(
                    ml=words.number(total.liquid_ml), mg=words.number(total.mg or 0)
                ),
            )
        )
    return lines


def planned(visits: Iterable[FollowUpEntry]) -> list[str]:
    """Visits that were planned."""
    return [
        _("Planned: {visit}, {day}").format(
            visit=words.visit(visit.visit_code), day=words.day(visit.due_on)
        )
        for visit in visits
        if visit.due_on is not None
    ]


def event(entry: EventEntry, treated_on: dt.date | None) -> list[str]:
    """An event, a line for each thing."""
    head = [words.event_term(entry.event_term_code)]
    if entry.severity is not None:
        head.append(words.inline(entry.severity))
    if entry.seriousness_criteria:
        criteria = [c for c in SeriousnessCriterion if c in entry.seriousness_criteria]
        head.append(
            _("serious: {criteria}").format(criteria=", ".join(words.inline(c) for c in criteria))
        )
    lines = [" · ".join(head)]
    if treated_on is None:
        lines.append(
            _("Began on {day}; attributed to no session").format(day=words.day(entry.onset_on))
        )
    else:
        lines.append(
            _("Began on {day}, day {days} after the session of {session}").format(
                day=words.day(entry.onset_on),
                days=(entry.onset_on - treated_on).days,
                session=words.day(treated_on),
            )
        )
    further = [
        _("relationship {causality}").format(causality=words.inline(entry.causality))
        if entry.causality
        else _("relationship not judged"),
        _("found by {detection}").format(detection=words.inline(entry.detection))
        if entry.detection
        else "",
        _("outcome {outcome}").format(outcome=words.inline(entry.event_outcome)),
        _("resolved on {day}").format(day=words.day(entry.resolved_on))
        if entry.resolved_on
        else "",
    ]
    text = ", ".join(part for part in further if part)
    lines.append(text[0].upper() + text[1:])
    if entry.treatment_given:
        lines.append(_("Treatment: {text}").format(text=entry.treatment_given))
    if entry.narrative:
        lines.append(_("What happened: {text}").format(text=entry.narrative))
    return lines


def follow_up(entry: FollowUpEntry) -> list[str]:
    """A follow-up, a line for each thing."""
    head = [words.visit(entry.visit_code)]
    if entry.status is not FollowUpStatus.PLANNED:
        head.append(words.inline(entry.status))
    if entry.method is not None:
        head.append(words.inline(entry.method))
    if entry.status is FollowUpStatus.PLANNED and entry.due_on is not None:
        head.append(_("due {day}").format(day=words.day(entry.due_on)))
    lines = [" · ".join(head)]
    if entry.status is FollowUpStatus.SEEN:
        lines.append(_looked_for(entry))
    lines += [outcome_in_words(outcome) for outcome in entry.site_outcomes]
    if entry.days_to_normal is not None:
        lines.append(
            ngettext(
                "{days} day to normal activities",
                "{days} days to normal activities",
                entry.days_to_normal,
            ).format(days=entry.days_to_normal)
        )
    if entry.note:
        lines.append(_("Note: {note}").format(note=entry.note))
    return lines


def site_in_words(site: SiteEntry) -> str:
    """A treated site and what was injected there."""
    parts = [words.site(site.side, site.anatomy_code)]
    if site.vessel_class is not None:
        parts.append(words.inline(site.vessel_class))
    if site.injections:
        parts.append("; ".join(given_in_words([injection]) for injection in site.injections))
    return " · ".join(parts)


def given_in_words(injections: list[InjectionEntry]) -> str:
    """Injections of one kind: how much of what, and from which lots."""
    volumes = [i.liquid_ml for i in injections if i.liquid_ml is not None]
    text = words.injection(injections[0])
    if volumes:
        text = _("{ml} mL {what}").format(ml=words.number(sum(volumes)), what=text)
    lots = dict.fromkeys(i.lot_number for i in injections if i.lot_number)
    if lots:
        text += _(", lot {lots}").format(lots=", ".join(lots))
    return text


def _looked_for(entry: FollowUpEntry) -> str:
    if entry.checklist_code is None:
        return _("No list of events was asked")
    present = [
        words.event_term(finding.event_term_code)
        for finding in entry.findings
        if finding.state is FindingState.PRESENT
    ]
    left_out = sum(finding.state is FindingState.NOT_ASSESSED for finding in entry.findings)
    text = _("Found: {events}").format(events=", ".join(present)) if present else _(
        "Nothing found of what was looked for"
    )  # fmt: skip
    if left_out:
        text += ngettext(
            "; {count} item not assessed", "; {count} items not assessed", left_out
        ).format(count=left_out)
    return text


def outcome_in_words(outcome: SiteOutcomeEntry) -> str:
    """How a site did."""
    parts = [words.site(outcome.side, outcome.anatomy_code), words.inline(outcome.finding)]
    if outcome.score is not None and outcome.scale_code is not None:
        parts.append(
            _("{score} on {scale}").format(
                score=words.number(outcome.score), scale=words.scale(outcome.scale_code)
            )
        )
    if outcome.occlusion is not None:
        parts.append(words.inline(outcome.occlusion))
    return " · ".join(parts)
