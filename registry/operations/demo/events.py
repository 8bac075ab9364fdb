"""Which adverse events the made-up patients have, and how those go on."""

from __future__ import annotations

import datetime as dt

from registry.catalogue import EventFamily, EventTerm, catalogue
from registry.entry.forms import EventEntry, SessionEntry
from registry.entry.rows import site_id
from registry.operations.demo.case import Case
from registry.operations.demo.practice import (
    CHANCE,
    CHANCE_BY_TERM,
    FAULTY_FACTOR,
    FAULTY_PRODUCT,
    FAULTY_TERM,
    FOAM,
    HANDS,
    LASTING,
    LASTING_BY_TERM,
    LASTING_OTHERWISE,
    ONSET,
)
from registry.vocabulary import (
    Causality,
    Detection,
    EventOutcome,
    Expectedness,
    SeriousnessCriterion,
    Severity,
)


def after(case: Case, session: SessionEntry) -> None:
    """Have each event happen after the session, or not."""
    for term in catalogue().event_terms.values():
        if case.rng.random() < _chance(case, term, session):
            _happen(case, term, session)


def _chance(case: Case, term: EventTerm, session: SessionEntry) -> float:
    foam = _uses_foam(session)
    if term.code in CHANCE_BY_TERM:
        chance = CHANCE_BY_TERM[term.code][foam]
    else:
        category = term.frequency_foam if foam else term.frequency_liquid
        chance = CHANCE[category] if category is not None else 0.0
    months_ago = (case.today - session.treated_on).days // 30
    if (
        term.code == FAULTY_TERM
        and 6 <= months_ago < 10
        and any(i.product_code == FAULTY_PRODUCT for i in session.all_injections())
    ):
        chance *= FAULTY_FACTOR
    hand = case.clinician_ids.index(session.clinician_id) if session.clinician_id else 0
    return chance * case.proneness * HANDS[hand]


def _happen(case: Case, term: EventTerm, session: SessionEntry) -> None:
    rng = case.rng
    window = min(term.counting_window_days, 10)
    first, last = ONSET.get(
        term.family,
        (
            term.typical_onset_from_days or 0,
            term.typical_onset_to_days
            if term.typical_onset_to_days is not None
            else max(window, term.typical_onset_from_days or 0),
        ),
    )
    onset_on = session.treated_on + dt.timedelta(days=rng.randint(first, last))
    reported_on = onset_on + dt.timedelta(days=rng.randint(0, 10))
    if reported_on > case.today:
        return
    lasted = rng.randint(
        *LASTING_BY_TERM.get(term.code, LASTING.get(term.family, LASTING_OTHERWISE))
    )
    resolved_on: dt.date | None = onset_on + dt.timedelta(days=lasted)
    if resolved_on is not None and resolved_on > case.today:
        resolved_on = None
    serious = {SeriousnessCriterion.MEDICALLY_IMPORTANT} if term.serious_by_nature else set()
    by_eye = term.family in ONSET
    screened = term.family is EventFamily.DEEP_THROMBOSIS and rng.random() < 0.4
    event = EventEntry(
        id=case.new_id(),
        patient_id=case.patient.id,
        event_term_code=term.code,
        onset_on=onset_on,
        reported_on=reported_on,
        treatment_session_id=session.id,
        treated_site_id=site_id(session.id, 0) if session.sites else None,
        resolved_on=resolved_on,
        severity=rng.choices([*Severity, None], [72, 20, 3, 5])[0],
        seriousness_criteria=frozenset(serious),
        causality=rng.choices(
            [
                Causality.CERTAIN,
                Causality.PROBABLE,
                Causality.POSSIBLE,
                Causality.UNLIKELY,
                None,
            ],
            [15, 50, 25, 3, 7],
        )[0],
        expectedness=Expectedness.LISTED if term.published_term else None,
        detection=Detection.PLANNED_DUPLEX
        if screened
        else Detection.EXAMINATION
        if by_eye
        else Detection.SYMPTOM,
        event_outcome=EventOutcome.RECOVERED if resolved_on else EventOutcome.RECOVERING,
    )
    case.events.append(event)
    case.entries.append(event)


def _uses_foam(session: SessionEntry) -> bool:
    return any(injection.form is FOAM for injection in session.all_injections())
