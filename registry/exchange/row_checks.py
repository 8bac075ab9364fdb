"""Whether a new record of one row may be stored: by the rules of the page that it is typed on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import UUID

from registry.entry.assessments import (
    RVCSS_ITEMS,
    LegAssessment,
    PatientDays,
    ReportedAnswers,
    answer_problems,
    leg_problems,
)
from registry.entry.barcode import PackContent, pack_problems
from registry.entry.change_points import ChangeEntry, problems_of_change
from registry.entry.checks import Known
from registry.entry.clinic_settings import lot_problems, setting_problems
from registry.entry.column_checks import row_problems
from registry.entry.contact import ContactEntry, contact_problems
from registry.entry.forms import FollowUpEntry
from registry.entry.problems import Problem, Question
from registry.entry.risk_facts import fact_problems
from registry.exchange.drafts import Drafts
from registry.exchange.single_rows import RowEntry
from registry.exchange.stored import Stored
from registry.messages import message
from registry.schema import (
    ChangePoint,
    ClinicSetting,
    ContactAttempt,
    FollowUp,
    LimbAssessment,
    Lot,
    PatientLink,
    PatientReportedOutcome,
    ProductGtin,
    RiskFact,
)
from registry.vocabulary import FollowUpStatus

Found = Iterator[Problem]


class RowChecks:
    """Judges records of one row against what is stored and against the files themselves.

    ``is_patient`` tells whether a patient is in the files or the registry.
    """

    def __init__(
        self, drafts: Drafts, stored: Stored, today: dt.date, is_patient: Callable[[UUID], bool]
    ) -> None:
        """Take what is said already; each record that is judged adds to it."""
        self._today = today
        self._is_patient = is_patient
        self._unreadable = drafts.unreadable
        self._persons = stored.persons
        self._linked = set(stored.links)
        self._kept = {
            *stored.links.values(),
            *(link.values["same_as_id"] for link in drafts.rows_of(PatientLink)),
        }
        self._said = set(stored.said)
        self._told = set(stored.told)
        self._follow_ups = {
            id_: (row["patient_id"], row["status"])
            for id_, row in stored.roots[FollowUp].items()
            if row["voided_at"] is None
        }
        for draft in drafts.follow_ups:
            if isinstance(draft.entry, FollowUpEntry):
                entry = draft.entry
                self._follow_ups[entry.id] = (entry.patient_id, entry.status)

    def problems(self, entry: RowEntry, known: Known | None) -> list[Problem]:
        """All that keeps the record from being stored; ``known`` is of its patient."""
        found = [*row_problems(entry.model, entry.values), *self._rules(entry, known)]
        return list({(problem.field, problem.rule): problem for problem in found}.values())

    def _rules(self, entry: RowEntry, known: Known | None) -> Found:
        values = entry.values
        if entry.model is RiskFact:
            question = Question(values["condition_code"], values["sclerosant_code"])
            for problem in fact_problems([question], values["answered_on"], self._today):
                yield _under(problem, {"answers": "sclerosant_code"})
        elif entry.model is LimbAssessment and known is not None:
            yield from self._leg(entry, known)
        elif entry.model is PatientReportedOutcome and known is not None:
            yield from self._answer(entry, known)
        elif entry.model is ContactAttempt:
            yield from self._attempt(entry)
        elif entry.model is PatientLink:
            yield from self._link(entry)
        elif entry.model is Lot:
            number = values["lot_number"]
            yield from lot_problems(values["product_code"], number, values["recalled_on"])
        elif entry.model is ProductGtin:
            content = PackContent(values["product_code"], values["concentration_percent"])
            yield from pack_problems(values["gtin"], content)
        elif entry.model is ChangePoint:
            yield from self._change(entry)
        elif entry.model is ClinicSetting:
            yield from setting_problems(values["code"], values["value"], values["valid_from"])

    def _leg(self, entry: RowEntry, known: Known) -> Found:
        values, patient = entry.values, entry.values["patient_id"]
        leg = LegAssessment(
            id=entry.id,
            patient_id=patient,
            side=values["side"],
            assessed_on=values["assessed_on"],
            ceap=values["ceap"],
            items={name: values[name] for name in RVCSS_ITEMS if values[name] is not None},
        )
        days = self._days(known, (patient, leg.assessed_on, leg.side.value))
        for problem in leg_problems(leg, days):
            yield _under(problem, {"items": "ceap"})

    def _answer(self, entry: RowEntry, known: Known) -> Found:
        values, patient = entry.values, entry.values["patient_id"]
        item, visit = values["item_code"], values["follow_up_id"]
        answer = ReportedAnswers(
            id=entry.id,
            patient_id=patient,
            answered_on=values["answered_on"],
            scores={item: values["score"]},
            follow_up_id=visit,
        )
        days = self._days(known, (patient, answer.answered_on, item))
        if visit is not None and self._is_of_person(visit, patient, FollowUpStatus.SEEN):
            days = replace(days, visits=frozenset({visit}))
        for problem in answer_problems(answer, days):
            column = "item_code" if problem.rule == "once_a_day" else "score"
            yield _under(problem, {item: column})

    def _attempt(self, entry: RowEntry) -> Found:
        values = entry.values
        attempt = ContactEntry(
            id=entry.id, **{name: values[name] for name in values if name != "patient_id"}
        )
        yield from contact_problems(attempt, self._today)
        if not self._is_of_person(values["follow_up_id"], values["patient_id"]):
            yield Problem(
                "follow_up_id",
                "of_same_patient",
                message("follow_ups.csv has no such key of this patient."),
            )

    def _change(self, entry: RowEntry) -> Found:
        change = ChangeEntry(**entry.values)
        yield from problems_of_change(change)
        told = (change.changed_on, change.what.strip().casefold())
        if told in self._told:
            yield Problem("what", "known", message("This change is told for that day already."))
        self._told.add(told)

    def _link(self, entry: RowEntry) -> Found:
        duplicate, kept = entry.values["patient_id"], entry.values["same_as_id"]
        if kept not in self._unreadable["patients.csv"] and not self._is_patient(kept):
            text = message("Neither patients.csv nor the registry has this key.")
            yield Problem("same_as_id", "known_patient", text)
        if duplicate == kept:
            yield Problem(
                "same_as_id", "two_patients", message("A patient is not linked with itself.")
            )
        elif duplicate in self._linked or duplicate in self._kept:
            yield Problem(
                "patient_id",
                "one_link",
                message(
                    "This patient is linked already. Link every duplicate with the one that is "
                    "kept."
                ),
            )
        self._linked.add(duplicate)

    def _days(self, known: Known, what: tuple[UUID, dt.date, str]) -> PatientDays:
        said = {what[2]} if what in self._said else set()
        self._said.add(what)
        return PatientDays(
            today=self._today, birth_year=known.birth_year, died_on=known.died_on, said=said
        )

    def _is_of_person(
        self, follow_up_id: UUID, patient_id: UUID, status: FollowUpStatus | None = None
    ) -> bool:
        """Whether the person has the follow-up; what could not be read counts as found."""
        if follow_up_id in self._unreadable["follow_ups.csv"]:
            return True
        owner, found = self._follow_ups.get(follow_up_id, (None, None))
        return owner in self._persons.of(patient_id) and status in (None, found)


def _under(problem: Problem, columns: dict[str, str]) -> Problem:
    """The problem at the column that the files have for its field."""
    return replace(problem, field=columns.get(problem.field, problem.field))
