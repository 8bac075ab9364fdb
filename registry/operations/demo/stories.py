"""Made-up patients and what happens to them: nobody in here exists."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final
from uuid import UUID

from registry.catalogue import EventFamily, EventTerm, catalogue
from registry.entry.forms import (
    CourseEntry,
    Entry,
    EventEntry,
    FindingEntry,
    FollowUpEntry,
    InjectionEntry,
    PatientEntry,
    SessionEntry,
    SiteEntry,
    SiteOutcomeEntry,
)
from registry.entry.rows import site_id
from registry.operations.demo.practice import (
    CHANCE,
    CHANCE_BY_TERM,
    CHECKLIST,
    DEEP,
    FAULTY_FACTOR,
    FAULTY_PRODUCT,
    FAULTY_TERM,
    FOAM,
    LASTING,
    NEEDS_EYES,
    NOT_SEEN,
    ONSET,
    PRACTICES,
    SEEN,
    Choice,
)
from registry.vocabulary import (
    Causality,
    Detection,
    EventOutcome,
    Expectedness,
    FindingState,
    FoamGas,
    FollowUpMethod,
    FollowUpStatus,
    Indication,
    Laterality,
    Modality,
    Occlusion,
    SeriousnessCriterion,
    SessionIntent,
    Severity,
    Sex,
    SiteFinding,
    SkinType,
    VesselClass,
)

HISTORY: Final = dt.timedelta(days=913)
"""How far back the first patient was enrolled: 30 months."""

TREES: Final = ("Alder", "Ash", "Beech", "Birch", "Cedar", "Elm", "Fir", "Hazel", "Oak", "Willow")


def demo_entries(
    rng: random.Random,
    today: dt.date,
    patients: int,
    clinician_ids: Sequence[int],
    prefix: str,
) -> Iterator[tuple[PatientEntry, list[Entry]]]:
    """Each patient with all that happened to them until ``today``, in the order of happening.

    The same generator state gives the same entries. Pseudonyms begin with ``prefix``.
    """
    for number in range(1, patients + 1):
        story = Story(rng, today, clinician_ids)
        yield story.tell(f"{prefix}-{number:04d}", number), story.entries


@dataclass(slots=True)
class Site:
    """A place on a leg, and how it does."""

    side: Laterality
    anatomy_code: str
    vessel_class: VesselClass
    diameter_mm: Decimal
    treated: bool = False
    recurs_on: dt.date | None = None

    def is_clear(self, on: dt.date) -> bool:
        """Whether the site is free of veins on that day."""
        return self.recurs_on is not None and on < self.recurs_on

    def has_recurred(self, on: dt.date) -> bool:
        """Whether veins or reflux are back after having been gone."""
        return self.recurs_on is not None and on >= self.recurs_on


@dataclass(slots=True)
class Story:
    """What happens to one patient."""

    rng: random.Random
    today: dt.date
    clinician_ids: Sequence[int]
    entries: list[Entry] = field(default_factory=list)
    events: list[EventEntry] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    is_lost: bool = False

    patient: PatientEntry = field(init=False)
    vessel_class: VesselClass = field(init=False)
    weight_kg: Decimal = field(init=False)
    proneness: float = field(init=False)
    clinician_id: int = field(init=False)

    def tell(self, pseudonym: str, number: int) -> PatientEntry:
        """Enrol the patient and follow them until today."""
        rng = self.rng
        enrolled_on = _workday(self.today - HISTORY * rng.random())
        born_on = enrolled_on - dt.timedelta(days=int(365.25 * min(max(rng.gauss(51, 13), 19), 84)))
        self.patient = PatientEntry(
            id=self._id(),
            pseudonym=pseudonym,
            enrolled_on=enrolled_on,
            birth_year=born_on.year,
            sex=Sex.FEMALE if rng.random() < 0.83 else Sex.MALE,
            skin_type=rng.choices([*SkinType, None], [6, 28, 34, 18, 7, 2, 5])[0],
            family_name=f"Demo-{TREES[number % len(TREES)]}",
            given_name=f"Test {number}",
            birth_date=born_on,
            hospital_number=f"{pseudonym}-H",
        )
        self.entries.append(self.patient)
        self.vessel_class = rng.choices([*PRACTICES], [p.share for p in PRACTICES.values()])[0]
        self.weight_kg = Decimal(str(round(min(max(rng.gauss(71, 13), 45), 130), 1)))
        # Some patients are prone to events: mean 1, so that the rates stay what they are.
        self.proneness = rng.gammavariate(2.0, 0.5)
        weights = [8, 6, 4, 2][: len(self.clinician_ids)]
        self.clinician_id = rng.choices(self.clinician_ids, weights)[0]
        self._choose_sites(rng.choices([1, 2, 3, 4], [20, 35, 30, 15])[0])
        planned = rng.choices([1, 2, 3, 4, 5], [10, 20, 34, 22, 14])[0]
        last = self._course(enrolled_on, self.sites, planned, SessionIntent.PLANNED_STAGE)
        while last is not None:
            last = self._aftercare(last)
        return self.patient

    def _choose_sites(self, count: int) -> None:
        practice = PRACTICES[self.vessel_class]
        places = [(side, code) for side in Laterality for code in practice.places]
        for side, code in self.rng.sample(places, count):
            diameter = Decimal(str(round(self.rng.uniform(*practice.diameter_mm), 1)))
            self.sites.append(Site(side, code, self.vessel_class, diameter))

    def _course(
        self, first_day: dt.date, sites: Sequence[Site], planned: int, intent: SessionIntent
    ) -> SessionEntry | None:
        """Treat ``sites`` in stages; the last session, or None when the story ends before."""
        if first_day > self.today:
            return None
        indication = self.rng.choices(
            [*Indication], [1, 6, 3] if self.vessel_class in DEEP else [7, 1, 2]
        )[0]
        course = CourseEntry(
            id=self._id(),
            patient_id=self.patient.id,
            opened_on=first_day,
            indication=indication,
            planned_sessions=planned,
            payer="Patient" if indication is Indication.COSMETIC else "Insurer",
        )
        self.entries.append(course)
        day, stage, session = first_day, 0, None
        while day <= self.today and not self.is_lost:
            stage += 1
            goals = [site for site in sites if not site.is_clear(day)] or list(sites)
            if stage > planned:
                intent = SessionIntent.RESIDUAL
            session = self._session(course, day, goals[: 3 if stage % 2 else 2], intent)
            self._visit(session, "safety_2w", self.rng.randint(11, 17))
            last_stage = stage >= planned
            after = self.rng.randint(44, 66)
            check = self._visit(session, "check_6_8w", after, certain=not last_stage)
            residual = any(not site.is_clear(day) for site in sites)
            if last_stage and not (stage == planned and residual and self.rng.random() < 0.4):
                ahead = check is None or check.status is FollowUpStatus.PLANNED
                return None if ahead or self.is_lost else session
            # The next stage is treated on the day of the check.
            day = _workday(session.treated_on + dt.timedelta(days=after))
        return None

    def _aftercare(self, session: SessionEntry) -> SessionEntry | None:
        """Follow up after a course; the session of a retreatment, or None when the story ends."""
        for visit_code in ("photo_12w", "review_26w", "review_12m", "review_2y"):
            due_day = catalogue().visits[visit_code].due_day
            after = self.rng.randint(due_day - 12, due_day + 18)
            due_on = session.treated_on + dt.timedelta(days=after)
            back = [site for site in self.sites if site.has_recurred(due_on)]
            if back and self.rng.random() < 0.15:
                # Some come back on their own before anybody has looked.
                return self._retreat(max(site.recurs_on or due_on for site in back), back)
            review = self._visit(session, visit_code, after)
            if review is None or review.status is FollowUpStatus.PLANNED:
                return None
            if review.seen_on is None or visit_code == "photo_12w":
                continue
            if back and self.rng.random() < 0.5:
                return self._retreat(review.seen_on, back)
            if self.rng.random() < 0.08:
                self._choose_new_site()
                return self._retreat(review.seen_on, self.sites[-1:], SessionIntent.NEW_VEIN)
        return None

    def _retreat(
        self, noticed_on: dt.date, sites: Sequence[Site], intent: SessionIntent | None = None
    ) -> SessionEntry | None:
        """Treat sites once, some weeks after the reason was noticed."""
        if intent is None:
            intent = SessionIntent.RECURRENCE
            if self.vessel_class is VesselClass.TRUNCAL:
                intent = SessionIntent.RECANALISATION
        day = _workday(noticed_on + dt.timedelta(days=self.rng.randint(10, 40)))
        return self._course(day, sites, 1, intent)

    def _choose_new_site(self) -> None:
        taken = {(site.side, site.anatomy_code) for site in self.sites}
        self._choose_sites(1)
        site = self.sites[-1]
        if (site.side, site.anatomy_code) in taken:
            self.sites.pop()
            places = ("foot_dorsum", *PRACTICES[VesselClass.TELANGIECTASIA].places)
            code = next(code for code in places if (site.side, code) not in taken)
            self.sites.append(Site(site.side, code, VesselClass.TELANGIECTASIA, Decimal("0.5")))

    # --- one visit -----------------------------------------------------------------------------

    def _session(
        self, course: CourseEntry, day: dt.date, sites: Sequence[Site], intent: SessionIntent
    ) -> SessionEntry:
        rng = self.rng
        practice = PRACTICES[self.vessel_class]
        skin = self.vessel_class not in DEEP
        modality = Modality.SCLEROTHERAPY
        if skin and rng.random() < 0.03:
            modality = rng.choice([Modality.ND_YAG_LASER, Modality.NEEDLE_THERMOCOAGULATION])
        choice = rng.choices(practice.choices, [c.weight for c in practice.choices])[0]
        clinician_id = self.clinician_id
        if rng.random() < 0.15:
            clinician_id = rng.choice(self.clinician_ids)
        with_agent = modality is Modality.SCLEROTHERAPY
        gas = rng.choices([FoamGas.AIR, FoamGas.CO2], [3, 1])[0]
        session = SessionEntry(
            id=self._id(),
            patient_id=self.patient.id,
            treated_on=day,
            course_id=course.id,
            clinician_id=clinician_id,
            modality=modality,
            intent=intent,
            weight_kg=self.weight_kg if rng.random() < 0.9 else None,
            guidance=practice.guidance,
            pain=min(10, max(0, round(rng.gauss(4 if choice.strength == "72" else 2.5, 1.5)))),
            compression_class=practice.compression,
            compression_days=rng.choice([3, 7, 7, 14] if skin else [14, 14, 21]),
            consent_version="2024-1",
            cost_amount=Decimal(practice.cost + 10 * rng.randint(-3, 6)),
            cost_currency="EUR",
            sites=tuple(
                SiteEntry(
                    side=site.side,
                    anatomy_code=site.anatomy_code,
                    vessel_class=site.vessel_class,
                    diameter_mm=site.diameter_mm,
                    feeder_treated=rng.random() < 0.4 if skin else None,
                    injections=(self._injection(choice, day, gas),) if with_agent else (),
                )
                for site in sites
            ),
        )
        self.entries.append(session)
        for site in sites:
            site.treated = True
            if not site.is_clear(day):
                years = rng.expovariate(practice.recurring)
                cleared = rng.random() < practice.cleared
                site.recurs_on = day + dt.timedelta(days=60 + int(365 * years)) if cleared else None
        for term in catalogue().event_terms.values():
            if rng.random() < self._chance(term, session):
                self._event(term, session)
        return session

    def _injection(self, choice: Choice, day: dt.date, gas: FoamGas) -> InjectionEntry:
        rng = self.rng
        liquid = Decimal(str(round(rng.uniform(*choice.liquid_ml), 1)))
        compounded = choice.product_code.endswith("_generic")
        quarter = (day.month - 1) // 3
        opened_on = dt.date(day.year, 3 * quarter + 1, 1)
        strength = choice.strength.replace(".", "")
        return InjectionEntry(
            product_code=choice.product_code,
            form=choice.form,
            concentration_percent=Decimal(choice.strength),
            liquid_ml=liquid,
            lot_number=f"DEMO-{choice.product_code[:3].upper()}{strength}-{day:%y}{quarter + 1}",
            expires_on=opened_on + dt.timedelta(days=150 if compounded else 700),
            is_compounded=compounded,
            gas=gas if choice.form is FOAM else None,
            gas_ml=liquid * 4 if choice.form is FOAM else None,
        )

    def _uses_foam(self, session: SessionEntry) -> bool:
        return any(injection.form is FOAM for injection in session.all_injections())

    def _chance(self, term: EventTerm, session: SessionEntry) -> float:
        foam = self._uses_foam(session)
        if term.code in CHANCE_BY_TERM:
            chance = CHANCE_BY_TERM[term.code][foam]
        else:
            category = term.frequency_foam if foam else term.frequency_liquid
            chance = CHANCE[category] if category is not None else 0.0
        months_ago = (self.today - session.treated_on).days // 30
        if (
            term.code == FAULTY_TERM
            and 6 <= months_ago < 10
            and any(i.product_code == FAULTY_PRODUCT for i in session.all_injections())
        ):
            chance *= FAULTY_FACTOR
        return chance * self.proneness

    def _event(self, term: EventTerm, session: SessionEntry) -> None:
        rng = self.rng
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
        if reported_on > self.today:
            return
        lasted = rng.randint(*LASTING.get(term.family, (1, 45)))
        resolved_on: dt.date | None = onset_on + dt.timedelta(days=lasted)
        if resolved_on is not None and resolved_on > self.today:
            resolved_on = None
        serious = {SeriousnessCriterion.MEDICALLY_IMPORTANT} if term.serious_by_nature else set()
        by_eye = term.family in ONSET
        screened = term.family is EventFamily.DEEP_THROMBOSIS and rng.random() < 0.4
        event = EventEntry(
            id=self._id(),
            patient_id=self.patient.id,
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
        self.events.append(event)
        self.entries.append(event)

    def _visit(
        self, session: SessionEntry, visit_code: str, after: int, *, certain: bool = False
    ) -> FollowUpEntry | None:
        """Follow up ``after`` days: seen, missed or still planned; None once the patient left."""
        if self.is_lost:
            return None
        rng = self.rng
        due_on = session.treated_on + dt.timedelta(days=catalogue().visits[visit_code].due_day)
        seen_on = _workday(session.treated_on + dt.timedelta(days=after))
        status = FollowUpStatus.SEEN
        if not certain and rng.random() > SEEN[visit_code]:
            status = rng.choices([s for s, _ in NOT_SEEN], [w for _, w in NOT_SEEN])[0]
        if max(seen_on, due_on) > self.today:
            status = FollowUpStatus.PLANNED
        self.is_lost = status in (FollowUpStatus.LOST, FollowUpStatus.MOVED)
        visit = FollowUpEntry(
            id=self._id(),
            patient_id=self.patient.id,
            status=status,
            treatment_session_id=session.id,
            visit_code=visit_code,
            due_on=due_on,
        )
        if status is FollowUpStatus.SEEN:
            visit = self._held(visit, session, seen_on, certain=certain)
        self.entries.append(visit)
        return visit

    def _held(
        self, visit: FollowUpEntry, session: SessionEntry, seen_on: dt.date, *, certain: bool
    ) -> FollowUpEntry:
        """The visit with what was asked, found and seen at it."""
        rng = self.rng
        method = FollowUpMethod.DUPLEX if self.vessel_class in DEEP else FollowUpMethod.CLINIC
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
            days_to_normal=rng.choice([0, 0, 1, 1, 2, 3])
            if visit.visit_code == "check_6_8w"
            else None,
            findings=self._findings(checklist.term_codes, session, seen_on, by_eye=by_eye)
            if checklist
            else (),
            site_outcomes=tuple(
                self._outcome(site, seen_on, duplex=method is FollowUpMethod.DUPLEX)
                for site in self.sites
                if site.treated and by_eye and visit.visit_code != "safety_2w"
            ),
        )

    def _findings(
        self,
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
            for event in self.events
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

    def _outcome(self, site: Site, seen_on: dt.date, *, duplex: bool) -> SiteOutcomeEntry:
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
            score=Decimal(self.rng.randrange(score[0], score[1] + 1, 5)),
            occlusion=occlusion if duplex else None,
        )

    def _id(self) -> UUID:
        return UUID(int=self.rng.getrandbits(128), version=4)


def _workday(day: dt.date) -> dt.date:
    """The day itself, or the Monday after a weekend."""
    return day + dt.timedelta(days=(0, 0, 0, 0, 0, 2, 1)[day.weekday()])
