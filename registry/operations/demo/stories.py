"""Made-up patients and what happens to them: nobody in here exists."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from registry.catalogue import catalogue
from registry.entry.forms import (
    CourseEntry,
    Entry,
    InjectionEntry,
    PatientEntry,
    SessionEntry,
    SiteEntry,
)
from registry.operations.demo import events, visits
from registry.operations.demo.case import Case, Site, workday
from registry.operations.demo.practice import (
    BUSY,
    DEEP,
    FOAM,
    PRACTICES,
    Choice,
)
from registry.vocabulary import (
    FoamGas,
    FollowUpStatus,
    Indication,
    Laterality,
    Modality,
    SessionIntent,
    Sex,
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


class Story(Case):
    """What happens to one patient."""

    def tell(self, pseudonym: str, number: int) -> PatientEntry:
        """Enrol the patient and follow them until today."""
        rng = self.rng
        enrolled_on = workday(self.today - HISTORY * rng.random())
        born_on = enrolled_on - dt.timedelta(days=int(365.25 * min(max(rng.gauss(51, 13), 19), 84)))
        self.patient = PatientEntry(
            id=self.new_id(),
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
        weights = BUSY[: len(self.clinician_ids)]
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
            id=self.new_id(),
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
            visits.visit(self, session, "safety_2w", self.rng.randint(11, 17))
            last_stage = stage >= planned
            after = self.rng.randint(44, 66)
            check = visits.visit(self, session, "check_6_8w", after, certain=not last_stage)
            residual = any(not site.is_clear(day) for site in sites)
            if last_stage and not (stage == planned and residual and self.rng.random() < 0.4):
                ahead = check is None or check.status is FollowUpStatus.PLANNED
                return None if ahead or self.is_lost else session
            # The next stage is treated on the day of the check.
            day = workday(session.treated_on + dt.timedelta(days=after))
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
            review = visits.visit(self, session, visit_code, after)
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
        day = workday(noticed_on + dt.timedelta(days=self.rng.randint(10, 40)))
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
            id=self.new_id(),
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
        events.after(self, session)
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
