"""What the costs of a cohort are counted from: its priced sessions, courses and patients.

Every count of the report on costs is the size of one of the sets made here, and the records behind
it are that set.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from registry.analysis.columns import day_number
from registry.analysis.facts import Facts
from registry.analysis.response import COURSE_OVER
from registry.analysis.session_facts import currency_code
from registry.analysis.treated_sites import CLEAR_VISIT, histories_of, looks_of, sites_of
from registry.catalogue import Visit, catalogue
from registry.errors import NotFound
from registry.messages import message

ALL: Final = "none"
TOTAL: Final = "total"
"""The group of all sessions together."""
OF_PATIENTS: Final[Mapping[str, int | None]] = {"patients": None, "cleared": 1, "not_assessed": -1}
"""Counts of patients at a visit, and the state in which they were seen then."""

Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Amounts:
    """Amounts of a cohort: of its sessions, of the courses begun in it, of patients.

    ``courses``: first (row of the session), patient, cost and currency of each complete course.
    ``patients``: session, patient, cost, currency and state (1 clear, 0 not clear, -1 not assessed)
    of each patient old enough. A currency of -1 says that an amount is missing or that there are
    several currencies.
    """

    chosen: Flags
    patient: Rows
    cost: Rows
    currency: Rows
    is_priced: Flags
    courses: pd.DataFrame
    patients: pd.DataFrame
    ongoing: int
    too_recent: int

    @classmethod
    def of(
        cls, facts: Facts, chosen: Flags, clinics: Collection[int], visit: Visit, today: dt.date
    ) -> Amounts:
        """The amounts of the ``chosen`` sessions, and what is clear at ``visit``, as of a day."""
        sessions = facts.sessions
        cost, currency = (sessions[name].to_numpy(np.int64) for name in ("cost", "currency"))
        is_priced = (cost >= 0) & (currency >= 0)
        currency = np.where(is_priced, currency, -1)
        courses = facts.once("costs of courses", lambda: _courses(facts, cost, currency))
        begun = courses[chosen[courses["first"].to_numpy(np.int64)]]
        over = catalogue().visits[COURSE_OVER].to_day
        ended = begun[begun["last"] + over < day_number(today)]
        patients, too_recent = _patients(facts, chosen, clinics, visit, today, cost, currency)
        return cls(
            chosen=chosen,
            patient=sessions["patient"].to_numpy(np.int64),
            cost=cost,
            currency=currency,
            is_priced=is_priced,
            courses=ended,
            patients=patients,
            ongoing=len(begun) - len(ended),
            too_recent=too_recent,
        )

    def told(self, rows: Rows) -> pd.DataFrame:
        """Row, amount and currency of sessions."""
        return pd.DataFrame({"row": rows, "cost": self.cost[rows], "currency": self.currency[rows]})

    def within(self, currency: int, kept: Flags) -> tuple[Flags, pd.DataFrame, pd.DataFrame]:
        """The sessions, complete courses and patients of a currency and a group."""
        courses, patients = (
            frame[(frame["currency"] == currency) & kept[frame[at].to_numpy(np.int64)]]
            for frame, at in ((self.courses, "first"), (self.patients, "session"))
        )
        return self.chosen & kept & (self.currency == currency), courses, patients


def visit_of(code: str) -> Visit:
    """A visit at which sites are looked at; raises :class:`NotFound` for an unknown one."""
    found = catalogue().visits.get(code)
    if found is None:
        raise NotFound(
            message(
                "There is no visit “{name}”. There are: {known}.",
                name=code[:40],
                known=", ".join(catalogue().visits),
            )
        )
    return found


def sessions_behind(
    facts: Facts,
    chosen: Flags,
    clinics: Collection[int],
    measure: str,
    *,
    row: str,
    group_by: str,
    today: dt.date,
) -> pd.DataFrame:
    """A session for each unit behind a count: its row, what was paid (hundredths) and the currency.

    ``row`` is the code of a :class:`CostRow`, or a group for ``with_amount`` and
    ``without_amount``; a measure of patients ends in the code of its visit. A course is told by its
    first session, a patient by the last one at the sites counted. Empty for what does not occur.
    """
    of, _, group = row.rpartition(":")
    kept = np.ones(len(chosen), np.bool_)
    if group != TOTAL and group_by != ALL:
        levels = facts.levels[group_by]
        code = levels.index(group) if group in levels else -1
        kept = facts.sessions[group_by].to_numpy() == code
    what, visit = next(
        ((w, measure.removeprefix(f"{w}_")) for w in OF_PATIENTS if measure.startswith(f"{w}_")),
        (measure, CLEAR_VISIT),
    )
    found = Amounts.of(facts, chosen, clinics, visit_of(visit), today)
    if not of:
        is_priced = found.is_priced if what == "with_amount" else ~found.is_priced
        return found.told(np.flatnonzero(chosen & kept & is_priced))
    sessions, courses, patients = found.within(currency_code(of), kept)
    if what == "sessions":
        return found.told(np.flatnonzero(sessions))
    if what == "courses":
        return courses.rename(columns={"first": "row"})[["row", "cost", "currency"]]
    state = OF_PATIENTS[what]
    if state is not None:
        patients = patients[patients["state"] == state]
    return patients.rename(columns={"session": "row"})[["row", "cost", "currency"]]


def _courses(facts: Facts, cost: Rows, currency: Rows) -> pd.DataFrame:
    """Every course: its first session and last day, what it cost, and in which currency."""
    frame = facts.sessions[["course", "patient", "day"]].assign(
        cost=cost, currency=currency, row=np.arange(len(cost))
    )
    # Sessions are in the order of their days, so the first of each course comes first.
    found = (
        frame[frame["course"] >= 0]
        .groupby("course")
        .agg(
            first=("row", "first"),
            last=("day", "last"),
            patient=("patient", "first"),
            cost=("cost", "sum"),
            low=("currency", "min"),
            high=("currency", "max"),
        )
    )
    return found.assign(currency=found["low"].where(found["low"] == found["high"], -1))


def _patients(
    facts: Facts,
    chosen: Flags,
    clinics: Collection[int],
    visit: Visit,
    today: dt.date,
    cost: Rows,
    currency: Rows,
) -> tuple[pd.DataFrame, int]:
    """Patients old enough for a visit with what their sites cost until it, and how many are not.

    A patient enters with the sites whose last planned session is one of the ``chosen``.
    """
    histories = histories_of(facts)
    kept = sites_of(histories, chosen)
    state = states_at(facts, visit)[kept]
    own = pd.DataFrame(
        {
            "patient": histories.patient[kept],
            "session": histories.session[kept],
            "day": histories.planned_day[kept],
            "state": state,
            "is_not_clear": state == 0,
        }
    ).sort_values("day", kind="stable")
    patients = own.groupby("patient").agg(
        session=("session", "last"),
        day=("day", "last"),
        state=("state", "min"),
        is_not_clear=("is_not_clear", "max"),
    )
    # One site known not to be clear settles it; otherwise one not looked at leaves it open.
    patients["state"] = patients["state"].mask(patients.pop("is_not_clear"), 0)
    is_old = patients["day"] + visit.to_day <= day_number(today)
    # What the treatment of these sites cost does not end with the sessions that were chosen.
    sites = facts.sites["site"].to_numpy()
    day, session = (facts.sites[name].to_numpy() for name in ("day", "session"))
    paid = kept[sites] & (day <= histories.planned_day[sites] + visit.to_day)
    paid &= np.isin(facts.sessions["clinic_id"].to_numpy()[session], list(clinics))
    rows = np.unique(session[paid])
    sums = (
        pd.DataFrame(
            {
                "patient": facts.sessions["patient"].to_numpy()[rows],
                "cost": cost[rows],
                "currency": currency[rows],
            }
        )
        .groupby("patient")
        .agg(cost=("cost", "sum"), low=("currency", "min"), high=("currency", "max"))
    )
    found = patients[is_old].join(sums)
    return (
        found.assign(currency=found["low"].where(found["low"] == found["high"], -1)).reset_index(),
        int((~is_old).sum()),
    )


def states_at(facts: Facts, visit: Visit) -> NDArray[np.int64]:
    """Each treated site at a visit: 1 clear and not treated again, 0 not, -1 not assessed.

    The last look within the time of the visit counts. What was treated again by its due day was not
    clear.
    """
    histories, looks = histories_of(facts), looks_of(facts)
    after = looks.day - histories.planned_day[looks.site]
    at_visit = looks.assessed & (after >= max(visit.from_day, 1)) & (after <= visit.to_day)
    state = np.full(len(histories.session), -1, dtype=np.int64)
    # Looks are in the order of site and day, and of several values for a place the last stays.
    state[looks.site[at_visit]] = looks.success[at_visit]
    again = histories.retreated_day
    state[(again >= 0) & (again - histories.planned_day <= visit.due_day)] = 0
    return state
