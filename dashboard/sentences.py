"""Records in words: the same lines after saving, on the timeline and before a correction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from itertools import groupby

from dashboard import words
from dashboard.text import _, ngettext
from registry.analysis.patient_search import Likeness, LikenessReason, PatientFound, birth_days
from registry.analysis.site_history import SiteLook
from registry.analysis.timeline import (
    Alert,
    AlertKind,
    CourseSummary,
    FoamTotal,
    agent_totals,
    foam_total,
    is_open,
)
from registry.catalogue import ContraindicationLevel, catalogue
from registry.entry.forms import (
    EventEntry,
    FollowUpEntry,
    InjectionEntry,
    OverrideEntry,
    SessionEntry,
    SiteEntry,
    SiteOutcomeEntry,
)
from registry.entry.problems import Question
from registry.vocabulary import (
    FindingState,
    FoamGas,
    FollowUpStatus,
    Modality,
    SeriousnessCriterion,
)


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
    if entry.cost_amount is not None:
        cost = _("cost {amount} {currency}")
        after.append(
            cost.format(amount=words.number(entry.cost_amount), currency=entry.cost_currency)
        )
    if after:
        text = ", ".join(after)
        lines.append(text[0].upper() + text[1:])
    if entry.note:
        lines.append(_("Note: {note}").format(note=entry.note))
    return lines + [_overridden(override) for override in entry.overrides]


def _overridden(given: OverrideEntry) -> str:
    """A warning that did not keep the session from being done as it was, and why."""
    text = _("Warned, recorded all the same: {warning}. Reason: {reason}.")
    if given.reason_text:
        text = _("Warned, recorded all the same: {warning}. Reason: {reason} (“{words}”).")
    return text.format(
        warning=_warning(given.rule), reason=words.inline(given.reason), words=given.reason_text
    )


def _warning(rule: str) -> str:
    """What a rule warns of: the row of the catalogue behind it."""
    rows = catalogue()
    kind, _colon, code = rule.partition(":")
    if kind == "dose" and code in rows.dose_limits:
        return _("limit exceeded ({limit})").format(limit=_(rows.dose_limits[code].label))
    if kind == "contraindication" and code in rows.contraindications:
        row = rows.contraindications[code]
        text = _("{condition} (relative contraindication)")
        if row.level is ContraindicationLevel.ABSOLUTE:
            text = _("{condition} (absolute contraindication)")
        return text.format(condition=_(rows.conditions[row.condition].label))
    if rule in rows.safety_rules:
        return _(rows.safety_rules[rule].label)
    return _("a rule that is no longer in the catalogue ({rule})").format(rule=rule)


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
    """What each agent and all foam add up to in this session, without others of that day."""
    lines = []
    for total in agent_totals(entry.all_injections()):
        amount = _("{ml} mL liquid, {mg} mg") if total.mg is not None else _("{ml} mL liquid")
        if not total.complete:
            amount = _("{ml} mL liquid, not counting volumes left blank")
        lines.append(
            _("{agent} in this session: {amount}").format(
                agent=words.sclerosant(total.sclerosant_code),
                amount=amount.format(
                    ml=words.number(total.liquid_ml), mg=words.number(total.mg or 0)
                ),
            )
        )
    foam = foam_total(entry.all_injections())
    if foam is not None and foam.foam_ml:
        amount = _foam(foam, _("foam"))
        lines.append(_("Foam in this session: {amount}").format(amount=amount))
    return lines


def _foam(total: FoamTotal, what: str) -> str:
    """How much of a foam, and what it was mixed from; nobody mixed one that is ready-made."""
    text = _("{liquid} mL liquid + {gas_ml} mL {gas} = {foam} mL {what}")
    if not total.complete:
        text = _("at least {foam} mL {what} (a volume of liquid or gas is blank)")
    elif total.ready_made:
        text = _("{ml} mL {what}")
    return text.format(
        ml=words.number(total.foam_ml),
        liquid=words.number(total.liquid_ml),
        gas_ml=words.number(total.gas_ml),
        gas=_gas(total.gas),
        foam=words.number(total.foam_ml),
        what=what,
    )


def _gas(gas: FoamGas | None) -> str:
    return _("gas") if gas in (None, FoamGas.PROPRIETARY) else words.inline(gas)


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


def alert(given: Alert) -> str:
    """One thing to know before the next needle."""
    on = words.day(given.day)
    if given.kind is AlertKind.DECEASED:
        return _("Died on {day}").format(day=on)
    if given.kind is AlertKind.OVERDUE_FOLLOW_UP:
        return _("Overdue: {visit}, due {day}").format(visit=words.visit(given.visit_code), day=on)
    if given.kind is AlertKind.RISK_FACT:
        condition = words.condition(Question(given.condition_code or "", given.sclerosant_code))
        return _("{condition} (answered on {day})").format(condition=condition, day=on)
    what = ", ".join(f"{words.product(code)} {words.inline(form)}" for code, form in given.given)
    if given.kind is AlertKind.TREATED_LATELY:
        text = _("Already treated on {day}: {given}") if what else _("Already treated on {day}")
        return text.format(day=on, given=what)
    term = words.event_term(given.event_term_code or "")
    if given.kind is AlertKind.OPEN_EVENT:
        return _("Still open: {event}, since {day}").format(event=term, day=on)
    text = _("Earlier reaction: {event} on {day}")
    if given.times > 1:
        text = _("Earlier reaction, {times} times: {event}, last on {day}")
    if what:
        text = _("{reaction} after {given}").format(reaction=text, given="{given}")
    return text.format(event=term, day=on, given=what, times=given.times)


def person(family_name: str | None, given_name: str | None) -> str:
    """A name as lists write it; blank for those who may not see it."""
    return ", ".join(part for part in (family_name, given_name) if part)


def born(birth_date: dt.date | None, birth_year: int | None) -> str | None:
    """When somebody was born, as exactly as it is known."""
    if birth_date is None and birth_year is None:
        return None
    when = words.day(birth_date) if birth_date is not None else str(birth_year)
    return _("born {day}").format(day=when)


def found(line: PatientFound) -> list[str]:
    """A patient of a search: what tells this one from the others."""
    parts = (
        person(line.family_name, line.given_name),
        born(line.birth_date, line.birth_year),
        _("last treated {day}").format(day=words.day(line.last_treated_on))
        if line.last_treated_on
        else None,
        _("same person as {pseudonym}").format(pseudonym=line.same_as) if line.same_as else None,
    )
    return [part for part in parts if part]


def nobody_found(typed: str, *, by_identity: bool) -> str:
    """Why a search found nobody, and what to try."""
    if not by_identity:
        return _(
            "No pseudonym of this clinic begins like that. Names, numbers and birth dates are "
            "searched only for those who may see them."
        )
    days = birth_days(typed)
    if days:
        either = _(" or ").join(words.day(day) for day in days)
        return _(
            "Nobody here is known to be born on {day}. Try the name: the date may be missing."
        ).format(day=either)
    if any(character.isdigit() for character in typed):
        return _(
            "No pseudonym or hospital number here begins like that, and it is no day such as "
            "3.2.1961 or 1961-02-03."
        )
    return _(
        "No name here has words that begin like that. Fewer letters find more; accents and "
        "capitals do not matter."
    )


def read_both_ways(typed: str) -> str | None:
    """What to say of a date that means two days."""
    days = birth_days(typed)
    if len(days) < 2:
        return None
    return _("{typed} can mean {first} or {second}; both are searched.").format(
        typed=typed, first=words.day(days[0]), second=words.day(days[1])
    )


def likeness(like: Likeness) -> str:
    """Why two patients may be one person."""
    if like.reason is LikenessReason.HOSPITAL_NUMBER:
        return _("same hospital number")
    return _("same birth date and a similar name")


def look(seen: SiteLook, since: dt.date | None = None) -> str:
    """How a site looked; ``since`` is the session to count the days from."""
    text = _("Came back. {site}") if seen.came_back else "{site}"
    when = words.day(seen.day)
    if since is not None:
        when = _("day {days}").format(days=(seen.day - since).days)
    shown = outcome_in_words(seen.outcome)
    return _("{site}, {when}").format(site=text.format(site=shown), when=when)


def reaction(entry: EventEntry, treated_on: dt.date) -> str:
    """An event under the session that it is attributed to."""
    parts = [
        words.event_term(entry.event_term_code),
        _("day {days}").format(days=(entry.onset_on - treated_on).days),
    ]
    if entry.severity is not None:
        parts.append(words.inline(entry.severity))
    parts.append(_("still open") if is_open(entry) else words.inline(entry.event_outcome))
    return _("Reaction: {parts}").format(parts=", ".join(parts))


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
    foam = foam_total(injections)
    if foam is not None and foam.foam_ml:
        text = _foam(foam, text)
    elif volumes:
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
