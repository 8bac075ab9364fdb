"""Every rule an entry must pass: one pure function for the form, the file and the command line.

A problem names the field, the rule and a level (:class:`registry.entry.problems.Level`). Ranges and
lengths are those the database enforces, read from the same columns.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from babel.numbers import is_currency

from registry import language
from registry.catalogue import catalogue
from registry.database import FIRST_DAY, LAST_DAY
from registry.entry.column_checks import column_problems, unseen_signs
from registry.entry.dose import dose_problems
from registry.entry.forms import (
    CourseEntry,
    Entry,
    EventEntry,
    FollowUpEntry,
    InjectionEntry,
    PatientEntry,
    SessionEntry,
    SiteOutcomeEntry,
)
from registry.entry.problems import Level, Problem, in_digits
from registry.entry.safety import History, safety_problems
from registry.messages import N_, Message, message
from registry.schema import (
    AdverseEvent,
    Course,
    FollowUp,
    Injection,
    Lot,
    Patient,
    PatientIdentity,
    SafetyOverride,
    SiteOutcome,
    TreatedSite,
    TreatmentSession,
)
from registry.vocabulary import (
    EventOutcome,
    FindingState,
    FollowUpStatus,
    Modality,
    SclerosantForm,
    SeriousnessCriterion,
)

_NOT_GIVEN_AS: Final[Mapping[SclerosantForm, str]] = {
    SclerosantForm.LIQUID: N_("{product} is not given as liquid."),
    SclerosantForm.FOAM: N_("{product} is not given as foam."),
}


@dataclass(frozen=True, slots=True)
class Known:
    """What the registry already knows about the patient and the shelf when an entry arrives.

    ``sessions`` maps the patient's sessions to their days; ``sites`` the patient's treated sites
    to their session; ``lots`` known lots, by product and number, to their expiry; ``same_day`` what
    the patient got in other sessions of the entry's day. ``courses`` and ``events`` are the
    patient's; None where whoever asks has compared those references already. ``followed_on`` is the
    first day of an event or follow-up that belongs to the session.

    ``recalled`` says from which day a lot is withdrawn. ``history`` is what warns before the
    needle; None where that is past, as for imported files. ``stored`` is the session as it
    stands, when the entry amends one.
    """

    today: dt.date
    jurisdiction: str
    birth_year: int | None = None
    died_on: dt.date | None = None
    sessions: Mapping[UUID, dt.date] = field(default_factory=dict)
    sites: Mapping[UUID, UUID] = field(default_factory=dict)
    lots: Mapping[tuple[str, str], dt.date | None] = field(default_factory=dict)
    clinician_ids: frozenset[int] = frozenset()
    same_day: tuple[InjectionEntry, ...] = ()
    courses: frozenset[UUID] | None = None
    events: frozenset[UUID] | None = None
    followed_on: dt.date | None = None
    recalled: Mapping[tuple[str, str], dt.date] = field(default_factory=dict)
    history: History | None = None
    stored: SessionEntry | None = None


def check(entry: Entry, known: Known) -> list[Problem]:
    """All problems of an entry, refusals first. Touches neither database nor clock."""
    order = list(Level)
    found = _all(entry, known)
    if known.stored is not None:
        found = _said_before(found, known.stored, known)
    return sorted(found, key=lambda problem: order.index(problem.level))


def _said_before(found: Iterator[Problem], stored: SessionEntry, known: Known) -> Iterator[Problem]:
    """Problems of an amendment; what it leaves as it was is only noted.

    A warning with another amount is another warning: whoever accepted 12 mL has not accepted 80.
    """
    before = {(problem.rule, str(problem.message)) for problem in _all(stored, known)}
    for problem in found:
        settled = (problem.rule, str(problem.message)) in before
        yield replace(problem, level=Level.NOTE) if problem.interrupts and settled else problem


def _all(entry: Entry, known: Known) -> Iterator[Problem]:
    match entry:
        case PatientEntry():
            return _patient(entry, known)
        case CourseEntry():
            return _course(entry, known)
        case SessionEntry():
            return _session(entry, known)
        case EventEntry():
            return _event(entry, known)
        case FollowUpEntry():
            return _follow_up(entry, known)


def _patient(entry: PatientEntry, known: Known) -> Iterator[Problem]:
    yield from column_problems(Patient, entry)
    yield from column_problems(PatientIdentity, entry)
    yield from _day("enrolled_on", entry.enrolled_on, known)
    yield from _day("birth_date", entry.birth_date, known)
    yield from _day("died_on", entry.died_on, known)
    if not entry.pseudonym.strip():
        yield Problem("pseudonym", "required", message("Give the patient a pseudonym."))
    if entry.birth_year is not None and entry.birth_year > known.today.year:
        yield Problem("birth_year", "not_in_future", message("The birth year lies in the future."))
    if entry.birth_date and entry.birth_year and entry.birth_date.year != entry.birth_year:
        yield Problem(
            "birth_year", "agrees_with_birth_date", message("Birth year and birth date differ.")
        )
    if entry.birth_year and entry.enrolled_on.year < entry.birth_year:
        yield Problem("enrolled_on", "not_before_birth", message("Enrolled before birth."))
    if entry.died_on and entry.died_on < entry.enrolled_on:
        yield Problem("died_on", "after_enrolment", message("Died before being enrolled."))
    if entry.died_on and any(day > entry.died_on for day in known.sessions.values()):
        yield Problem("died_on", "after_sessions", message("A session is recorded after that day."))
    if entry.birth_year and any(day.year < entry.birth_year for day in known.sessions.values()):
        yield Problem(
            "birth_year", "before_sessions", message("A session is recorded before that year.")
        )


def _course(entry: CourseEntry, known: Known) -> Iterator[Problem]:
    yield from column_problems(Course, entry)
    yield from _day("opened_on", entry.opened_on, known)


def _session(entry: SessionEntry, known: Known) -> Iterator[Problem]:
    yield from column_problems(TreatmentSession, entry)
    yield from _day("treated_on", entry.treated_on, known)
    if known.followed_on is not None and entry.treated_on > known.followed_on:
        yield Problem(
            "treated_on",
            "not_after_its_events",
            message(
                "An event or follow-up of this session is dated earlier, on {day}.",
                day=language.day(known.followed_on),
            ),
        )
    if entry.clinician_id is not None and entry.clinician_id not in known.clinician_ids:
        yield Problem(
            "clinician_id", "known_clinician", message("No such clinician in this clinic.")
        )
    course = entry.course_id
    if course is not None and known.courses is not None and course not in known.courses:
        yield Problem("course_id", "known_course", message("No such course of this patient."))
    yield from unseen_signs("consent_version", entry.consent_version)
    if (entry.cost_amount is None) != (entry.cost_currency is None):
        yield Problem(
            "cost_currency", "cost_has_currency", message("Give amount and currency together.")
        )
    if entry.cost_currency is not None and not is_currency(entry.cost_currency):
        yield Problem(
            "cost_currency",
            "known_currency",
            message("Write the three letters of a currency, such as EUR or USD."),
        )
    if entry.compression_days is not None and entry.compression_class is None:
        yield Problem(
            "compression_class", "days_need_class", message("Say which compression was advised.")
        )
    if any(day == entry.treated_on for key, day in known.sessions.items() if key != entry.id):
        yield Problem(
            "treated_on",
            "second_session_that_day",
            message("This patient already has a session on that day; this is a second one."),
            Level.CONFIRM,
        )
    injections = entry.all_injections()
    if entry.modality is not Modality.SCLEROTHERAPY and injections:
        yield Problem(
            "modality",
            "no_agent",
            message("Nothing is injected with this modality: remove the injections."),
        )
    if entry.modality is Modality.SCLEROTHERAPY and not injections:
        yield Problem("injections", "required", message("Say what was injected: product and form."))
    seen: Counter[tuple[object, ...]] = Counter()
    for i, site in enumerate(entry.sites):
        path = f"sites[{i}]"
        yield from column_problems(TreatedSite, site, path)
        if site.anatomy_code not in catalogue().anatomy:
            yield Problem(f"{path}.anatomy_code", "known_site", message("No such region or vein."))
        key = (site.side, site.anatomy_code, site.vessel_class)
        seen[key] += 1
        if seen[key] == 2:
            yield Problem(
                f"{path}.anatomy_code",
                "site_once",
                message("The same site and vessel class stands twice."),
            )
    for path, _, injection in entry.placed_injections():
        yield from _injection(path, injection, known)
    for i, override in enumerate(entry.overrides):
        yield from column_problems(SafetyOverride, override, f"overrides[{i}]")
    yield from dose_problems(entry, known.same_day)
    yield from safety_problems(entry, known)


def _injection(path: str, entry: InjectionEntry, known: Known) -> Iterator[Problem]:
    yield from column_problems(Injection, entry, path)
    yield from column_problems(Lot, entry, path)
    yield from unseen_signs(f"{path}.lot_number", entry.lot_number)
    product = catalogue().products.get(entry.product_code)
    if product is None:
        yield Problem(
            f"{path}.product_code", "known_product", message("No such product in the catalogue.")
        )
        return
    if entry.form not in product.forms:
        yield Problem(
            f"{path}.form",
            "form_of_product",
            Message(_NOT_GIVEN_AS[entry.form], {"product": product.label}),
        )
    if entry.is_compounded and entry.lot_number is None:
        yield Problem(
            f"{path}.lot_number",
            "compounded_needs_lot",
            message(
                "That it was compounded is kept with the lot: give its number, or the day it was "
                "made."
            ),
        )
    if (
        entry.concentration_percent is not None
        and product.strengths_percent
        and not entry.is_compounded
        and entry.concentration_percent not in product.strengths_percent
    ):
        strengths = "; ".join(in_digits(strength) for strength in product.strengths_percent)
        yield Problem(
            f"{path}.concentration_percent",
            "strength_of_product",
            message(
                "{product} is sold at {strengths} %. Diluted? Then mark the lot as compounded.",
                product=product.label,
                strengths=strengths,
            ),
        )
    if entry.form is SclerosantForm.LIQUID and (entry.gas is not None or entry.gas_ml is not None):
        yield Problem(f"{path}.gas", "gas_needs_foam", message("Gas belongs to foam only."))
    if entry.expires_on is not None and entry.lot_number is None:
        yield Problem(f"{path}.lot_number", "expiry_needs_lot", message("Give the lot number too."))
    if entry.lot_number is None:
        return
    stored = known.lots.get((entry.product_code, entry.lot_number))
    if stored is not None and entry.expires_on is not None and stored != entry.expires_on:
        yield Problem(
            f"{path}.expires_on",
            "expiry_of_lot",
            message(
                "This lot is on the shelf with the expiry {day}. Check the box.",
                day=language.day(stored),
            ),
        )


def _event(entry: EventEntry, known: Known) -> Iterator[Problem]:
    yield from column_problems(AdverseEvent, entry)
    for name in ("onset_on", "reported_on", "resolved_on"):
        yield from _day(name, getattr(entry, name), known, may_follow_death=name != "onset_on")
    if entry.event_term_code not in catalogue().event_terms:
        yield Problem("event_term_code", "known_event", message("No such event in the catalogue."))
    if entry.reported_on < entry.onset_on:
        yield Problem("reported_on", "after_onset", message("Reported before it began."))
    if entry.resolved_on is not None and entry.resolved_on < entry.onset_on:
        yield Problem("resolved_on", "after_onset", message("Resolved before it began."))
    died = SeriousnessCriterion.DEATH in entry.seriousness_criteria
    if died != (entry.event_outcome is EventOutcome.FATAL):
        yield Problem(
            "event_outcome",
            "death_is_fatal",
            message("The criterion death and the outcome fatal go together."),
        )
    if entry.treatment_session_id is None:
        if entry.treated_site_id is not None:
            yield Problem(
                "treated_site_id", "site_needs_session", message("A site needs its session.")
            )
        return
    treated_on = known.sessions.get(entry.treatment_session_id)
    if treated_on is None:
        yield Problem(
            "treatment_session_id", "known_session", message("No such session of this patient.")
        )
        return
    if entry.onset_on < treated_on:
        yield Problem(
            "onset_on",
            "not_before_session",
            message("The event began before the session of {day}.", day=language.day(treated_on)),
        )
    if (
        entry.treated_site_id is not None
        and known.sites.get(entry.treated_site_id) != entry.treatment_session_id
    ):
        yield Problem(
            "treated_site_id", "site_of_session", message("The site was not treated that day.")
        )
    term = catalogue().event_terms.get(entry.event_term_code)
    days = (entry.onset_on - treated_on).days
    if term is not None and days > term.counting_window_days:
        yield Problem(
            "onset_on",
            "outside_window",
            message(
                "Day {days} after the session: stored and listed, but outside the {window}-day "
                "window in which “{event}” is counted.",
                days=days,
                window=term.counting_window_days,
                event=message(term.label),
            ),
            Level.NOTE,
        )


def _follow_up(entry: FollowUpEntry, known: Known) -> Iterator[Problem]:
    yield from column_problems(FollowUp, entry)
    yield from _day("seen_on", entry.seen_on, known)
    if entry.due_on is not None and not FIRST_DAY <= entry.due_on <= LAST_DAY:
        yield Problem("due_on", "plausible_day", message("The day is not plausible."))
    if entry.visit_code is not None and entry.visit_code not in catalogue().visits:
        yield Problem("visit_code", "known_visit", message("No such visit in the schedule."))
    if (entry.status is FollowUpStatus.SEEN) != (entry.seen_on is not None):
        yield Problem(
            "seen_on",
            "seen_has_day",
            message("A visit that took place has a day, others have none."),
        )
    if entry.due_on is None and entry.seen_on is None:
        yield Problem(
            "due_on", "due_or_seen", message("Give the day it is due or the day it took place.")
        )
    if entry.treatment_session_id is not None:
        treated_on = known.sessions.get(entry.treatment_session_id)
        if treated_on is None:
            yield Problem(
                "treatment_session_id", "known_session", message("No such session of this patient.")
            )
        elif any(day is not None and day < treated_on for day in (entry.seen_on, entry.due_on)):
            yield Problem(
                "seen_on",
                "not_before_session",
                message(
                    "The follow-up lies before the session of {day}.",
                    day=language.day(treated_on),
                ),
            )
    yield from _checklist(entry, known)
    sites: set[tuple[object, ...]] = set()
    for i, outcome in enumerate(entry.site_outcomes):
        yield from _site_outcome(f"site_outcomes[{i}]", outcome)
        if (outcome.side, outcome.anatomy_code) in sites:
            yield Problem(
                f"site_outcomes[{i}].anatomy_code", "site_once", message("The site stands twice.")
            )
        sites.add((outcome.side, outcome.anatomy_code))
    if entry.status is not FollowUpStatus.SEEN and (entry.findings or entry.site_outcomes):
        yield Problem(
            "status", "findings_need_visit", message("Only a visit that took place has findings.")
        )


def _checklist(entry: FollowUpEntry, known: Known) -> Iterator[Problem]:
    if entry.checklist_code is None:
        if entry.checklist_version is not None:
            yield Problem(
                "checklist_code", "version_needs_list", message("Say which checklist it was.")
            )
        if entry.findings:
            yield Problem(
                "checklist_code", "findings_need_list", message("Say which checklist was asked.")
            )
        return
    checklist = catalogue().checklist_versions.get(
        (entry.checklist_code, entry.checklist_version or 0)
    )
    if checklist is None:
        yield Problem(
            "checklist_code", "known_checklist", message("No such version of the checklist.")
        )
        return
    if entry.status is not FollowUpStatus.SEEN:
        yield Problem(
            "checklist_code", "checklist_needs_visit", message("Nobody was asked: no visit.")
        )
    seen: set[str] = set()
    for i, finding in enumerate(entry.findings):
        path = f"findings[{i}].event_term_code"
        if finding.event_term_code not in checklist.term_codes:
            yield Problem(path, "on_checklist", message("This event is not on the checklist."))
        if finding.event_term_code in seen:
            yield Problem(path, "finding_once", message("This event stands twice."))
        seen.add(finding.event_term_code)
        if finding.adverse_event_id is not None and finding.state is not FindingState.PRESENT:
            yield Problem(
                f"findings[{i}].state",
                "event_needs_presence",
                message("Only what was present is an event."),
            )
        if finding.state is FindingState.PRESENT and finding.adverse_event_id is None:
            yield Problem(
                f"findings[{i}].adverse_event_id",
                "presence_needs_event",
                message(
                    "Present, but no event says what and when: report it, or it is not counted."
                ),
                Level.NOTE,
            )
        event = finding.adverse_event_id
        if event is not None and known.events is not None and event not in known.events:
            yield Problem(
                f"findings[{i}].adverse_event_id",
                "known_event",
                message("No such event of this patient."),
            )


def _site_outcome(path: str, entry: SiteOutcomeEntry) -> Iterator[Problem]:
    yield from column_problems(SiteOutcome, entry, path)
    if entry.anatomy_code not in catalogue().anatomy:
        yield Problem(f"{path}.anatomy_code", "known_site", message("No such region or vein."))
    if (entry.scale_code is None) != (entry.score is None):
        yield Problem(
            f"{path}.scale_code", "score_has_scale", message("Give score and scale together.")
        )
        return
    if entry.scale_code is None or entry.score is None:
        return
    scale = catalogue().scales.get(entry.scale_code)
    if scale is None:
        yield Problem(f"{path}.scale_code", "known_scale", message("No such scale."))
    elif not scale.minimum <= entry.score <= scale.maximum:
        yield Problem(
            f"{path}.score",
            "score_on_scale",
            message(
                "{scale} runs from {least} to {most}.",
                scale=message(scale.label),
                least=in_digits(scale.minimum),
                most=in_digits(scale.maximum),
            ),
        )


def _day(
    name: str, day: dt.date | None, known: Known, *, may_follow_death: bool = False
) -> Iterator[Problem]:
    if day is None:
        return
    if day > known.today:
        yield Problem(name, "not_in_future", message("The day lies in the future."))
    if known.birth_year is not None and day.year < known.birth_year:
        yield Problem(
            name,
            "not_before_birth",
            message("The day lies before the birth year {year}.", year=known.birth_year),
        )
    if known.died_on is not None and day > known.died_on and not may_follow_death:
        yield Problem(
            name,
            "not_after_death",
            message("The patient died on {day}.", day=language.day(known.died_on)),
        )
