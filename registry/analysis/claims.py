"""What patients are told, beside what this registry sees.

The claims come from one article for patients that names no source. They have no denominator and no
definition, so an own figure stands beside a claim and never against it: it is not a test of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis import counting
from registry.analysis.clock_report import clocks
from registry.analysis.clock_results import ClocksReport
from registry.analysis.cohort import CohortFilter
from registry.analysis.dimensions import NOT_RECORDED
from registry.analysis.event_facts import EVENT_TERMS
from registry.analysis.facts import Facts, facts_of
from registry.analysis.rate_rows import row_maker
from registry.analysis.response import (
    Courses,
    Days,
    Spread,
    courses_of,
    share_of,
    spread_of,
)
from registry.analysis.results import Heading, estimate_dict, heading_dict, prefixed
from registry.analysis.treated_sites import (
    Flags,
    histories_of,
    levels_of_sites,
    looks_of,
    sites_of,
)
from registry.catalogue import Claim, catalogue
from registry.messages import N_, Message, inline, message
from registry.statistics.proportions import proportion
from registry.statistics.result import Estimate

REDUCTION: Final = 70
SMALL: Final = ("below_1_mm", "from_1_mm")
LARGE: Final = ("from_3_mm", "above_6_mm")
DARK: Final = ("V", "VI")

_ADVICE: Final = message("Advice, not an outcome: there is nothing to count.")
_CAUSE: Final = message("About why something happens; records of treatment tell how often.")
_JUDGEMENT: Final = message("A judgement, not a number.")
_UNRECORDED: Final = message("Nothing that is recorded here bears on it.")
_SIDE_BY_SIDE: Final = message(
    "Ways of treatment differ in who gets them; they can be set side by side on the page of "
    "complications."
)

NO_FIGURE: Final[Mapping[str, Message]] = {
    "sore_itch_dark": message("Early soreness is not asked for, so nobody without it is known."),
    "ulcer_any_agent": _CAUSE,
    "ulcer_most_serious": _JUDGEMENT,
    "arterial_entry": _CAUSE,
    "migraine_medication": _ADVICE,
    "saline_allergy": _SIDE_BY_SIDE,
    "allergy_ulcer": _CAUSE,
    "needle_as_good": _SIDE_BY_SIDE,
    "less_invasive_than_laser": _SIDE_BY_SIDE,
    "fed_by_deeper": message("Only whether a feeding vein was treated is recorded, not if it is."),
    "pregnancy_harm": _ADVICE,
    "clots_dangerous": _ADVICE,
    "tell_allergy": _ADVICE,
    "cost": message("The claim names neither a year nor what is paid for."),
    "insurance": _UNRECORDED,
    "pain_prescription": _UNRECORDED,
    "compression_2_weeks": _ADVICE,
    "fda_procedure": _JUDGEMENT,
    "gold_standard": _JUDGEMENT,
    "work_at_once": message(
        "Days to normal activities stand in the record of each follow-up; they are not summed up."
    ),
}
"""Why there is no own figure beside a claim."""

REMARKS: Final[Mapping[str, Message]] = {
    "reduction_70": message("The share depends on the scale and on who judges."),
    "wait_6_weeks": message("When patients came, not when they were told to."),
    "small_3_6_weeks": message("Success is found at visits, so never before the first of them."),
    "large_3_4_months": message("Success is found at visits, so never before the first of them."),
    "permanent": message("Recurred means visible or refluxing again after success."),
    "success_85": message(
        "The same figure is known for another vein, endpoint and schedule; sites that did well at "
        "once are not treated again."
    ),
    "temporary_recurrence": message("A session beyond the plan may have any reason."),
    "new_veins_same_rate": message("No rate before treatment is recorded to compare with."),
    "two_complications": message("Rates of kinds of event; how bad they are is another matter."),
    "bruise_weeks": message("How often it is recorded; how long it lasts is on its own page."),
    "brown_spots_fade": message("How often it is recorded; how long it lasts is on its own page."),
}


@dataclass(frozen=True, slots=True)
class OwnFigure:
    """A number of this registry: a share with its interval, or a median in ``unit``.

    Neither where too few were observed to tell.
    """

    label: Message
    share: Estimate | None = None
    spread: Spread | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """One claim with what stands beside it; ``remark`` says why nothing does, or what to mind."""

    claim: Claim
    own: tuple[OwnFigure, ...]
    remark: Message | None


@dataclass(frozen=True, slots=True)
class ClaimsReport:
    """Every claim of the catalogue, in its order."""

    heading: Heading
    rows: tuple[ClaimRow, ...]
    excluded: tuple[Any, ...] = ()
    warnings: tuple[Message, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""
        return {
            **heading_dict(self.heading),
            "claims": [
                {
                    "code": row.claim.code,
                    "label": row.claim.label,
                    "said": row.claim.text,
                    "standing": row.claim.standing.value,
                    "note": row.claim.note,
                    "remark": str(row.remark) if row.remark else None,
                    "own": [
                        {
                            "label": str(own.label),
                            "share": estimate_dict(own.share) if own.share else None,
                            "median": own.spread.median if own.spread else None,
                            "quartiles": own.spread.quartiles if own.spread else None,
                            "count": own.spread.count if own.spread else None,
                            "unit": own.unit,
                        }
                        for own in row.own
                    ],
                }
                for row in self.rows
            ],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row for each claim and own figure; a claim without one has a row of its own."""
        rows: list[dict[str, Any]] = []
        for row in self.rows:
            for own in row.own or (OwnFigure(Message("")),):
                spread = own.spread or Spread(0, None, None)
                low, high = spread.quartiles or (None, None)
                limits = dict.fromkeys(("share", "share_lower", "share_upper", "share_method"))
                rows.append(
                    {
                        "claim": row.claim.code,
                        "said": row.claim.text,
                        "standing": row.claim.standing.value,
                        "own_figure": str(own.label),
                        "numerator": own.share.numerator if own.share else None,
                        "denominator": own.share.denominator if own.share else spread.count or None,
                        **(prefixed("share", own.share) if own.share else limits),
                        "median": spread.median,
                        "first_quartile": low,
                        "third_quartile": high,
                        "unit": own.share.unit if own.share else own.unit,
                        "remark": str(row.remark) if row.remark else "",
                    }
                )
        return rows


def claims(engine: Engine, by: Actor, cohort: CohortFilter, *, today: dt.date) -> ClaimsReport:
    """Each claim beside the figures of a cohort that come nearest to it."""
    clinics = scope(by, Permission.READ_RATES)
    facts = facts_of(engine)
    chosen = cohort.mask(facts, clinics)
    lasting = clocks(engine, by, cohort, today=today, only=("recurrence", "new_vein"))
    own = _Own(facts, chosen, today, lasting)
    return ClaimsReport(
        heading=Heading(
            "claims",
            message("What patients are told"),
            message(
                "Sentences of one article for patients; it names no source for them. Beside each "
                "stands the figure of this registry that comes nearest, with its own definition "
                "and denominator. A claim has none, so the two are not compared, and agreement or "
                "difference proves nothing."
            ),
            "claims",
            cohort,
            today,
            facts.seal,
        ),
        rows=tuple(
            ClaimRow(
                claim,
                FIGURES[code](own) if code in FIGURES else (),
                NO_FIGURE.get(code) or REMARKS.get(code),
            )
            for code, claim in catalogue().claims.items()
        ),
    )


class _Own:
    """The figures of one cohort, each worked out when it is asked for."""

    def __init__(self, facts: Facts, chosen: Flags, today: dt.date, lasting: ClocksReport) -> None:
        self.facts, self.chosen, self.today = facts, chosen, today
        self.histories = histories_of(facts)
        self.kept = sites_of(self.histories, chosen)
        self.looked = self.kept & self.histories.looked_at
        self.won = self.kept & (self.histories.success_day >= 0)
        self.lasting = {clock.code: clock for clock in lasting.clocks}

    @cached_property
    def courses(self) -> Courses:
        return courses_of(self.facts, self.chosen, self.today)[0]

    def reduction(self) -> tuple[OwnFigure, ...]:
        looks, outcomes = looks_of(self.facts), self.facts.outcomes
        scale = self.facts.levels["scale"].index("clearance_percent")
        used = (outcomes["scale"].to_numpy() == scale) & self.kept[looks.site] & looks.assessed
        used &= looks.day > self.histories.planned_day[looks.site]
        again = self.histories.retreated_day[looks.site]
        used &= (again < 0) | (looks.day <= again)
        # Looks are in the order of site and day.
        rows = np.flatnonzero(used)
        first = rows[np.diff(looks.site[rows], prepend=-1) > 0]
        score = outcomes["score"].to_numpy()[first]
        owners = self.histories.patient[looks.site[first]]
        return (
            OwnFigure(
                message(
                    "Sites cleared by {percent} % or more at their first score", percent=REDUCTION
                ),
                share_of(score >= REDUCTION, owners, "sites"),
            ),
            OwnFigure(
                message("Clearance at the first score after the last planned session"),
                spread=spread_of(score),
                unit="percent",
            ),
        )

    def no_result(self) -> tuple[OwnFigure, ...]:
        owners = self.histories.patient[self.looked]
        better = patient_has(owners, self.histories.improved[self.looked])
        never = (self.histories.success_day < 0)[self.looked]
        return (
            OwnFigure(
                message("Patients none of whose sites was seen to improve"),
                proportion(int((~better).sum()), better.size, unit="patients"),
            ),
            OwnFigure(message("Sites never cleared or occluded"), share_of(never, owners, "sites")),
        )

    def effective(self) -> tuple[OwnFigure, ...]:
        owners = self.histories.patient[self.looked]
        won = patient_has(owners, self.won[self.looked])
        return (
            OwnFigure(
                message("Patients with a site cleared or occluded"),
                proportion(int(won.sum()), won.size, unit="patients"),
            ),
        )

    def repeated(self) -> tuple[OwnFigure, ...]:
        sites = self.looked & (self.histories.stages > 1)
        return (
            OwnFigure(
                message("Sites treated at least twice by plan and then cleared or occluded"),
                share_of(self.won[sites], self.histories.patient[sites], "sites"),
            ),
        )

    def sessions(self) -> tuple[OwnFigure, ...]:
        return (
            OwnFigure(message("Sessions of a course"), spread=self.courses.spread, unit="sessions"),
        )

    def gaps(self) -> tuple[OwnFigure, ...]:
        label = message("From one session of a course to the next")
        return (OwnFigure(label, spread=self.courses.gaps, unit="days"),)

    def topped_up(self) -> tuple[OwnFigure, ...]:
        label = message("Courses with more sessions than planned")
        return (OwnFigure(label, self.courses.topped_up),)

    def days_to_success(self, calibres: tuple[str, ...], label: Message) -> tuple[OwnFigure, ...]:
        codes, levels = levels_of_sites(self.facts, "calibre")
        wanted = np.isin(codes, [levels.index(calibre) for calibre in calibres])
        sites = self.won & wanted
        days = self.histories.success_day[sites] - self.histories.planned_day[sites]
        return (OwnFigure(label, spread=spread_of(days), unit="days"),)

    def by_day(self, clock: str, label: str, *days: int) -> tuple[OwnFigure, ...]:
        points = {point.day: point for point in self.lasting[clock].total.landmarks}
        return tuple(
            OwnFigure(message(label, day=day), points[day].event if points[day].is_shown else None)
            for day in days
        )

    def pain(self) -> tuple[OwnFigure, ...]:
        pain = self.facts.sessions["pain"].to_numpy()[self.chosen]
        label = message("Pain at injection, 0 to 10, as rated by the patient")
        return (OwnFigure(label, spread=spread_of(pain[pain >= 0]), unit="of 10"),)

    def rates(self, *events: str, **levels: tuple[str, ...]) -> tuple[OwnFigure, ...]:
        """Complication rates of the sessions at the levels named."""
        chosen = self.chosen.copy()
        for dimension, wanted in levels.items():
            known = self.facts.levels[dimension]
            codes = [known.index(level) for level in wanted if level in known]
            chosen &= np.isin(self.facts.sessions[dimension].to_numpy(), codes)
        measure = row_maker(self.facts, self.today)
        outcomes = [counting.outcome_of(event) for event in events]
        rows = [measure(outcome, chosen, outcome.code, outcome.label) for outcome in outcomes]
        return tuple(
            OwnFigure(message("Sessions with “{event}”", event=row.label), row.estimate)
            for row in rows
        )

    def by_skin(self) -> tuple[OwnFigure, ...]:
        levels = self.facts.levels["skin_type"]
        others = tuple(code for code in levels if code not in {*DARK, NOT_RECORDED})
        named = ((message("types V and VI"), DARK), (message("types I to IV"), others))
        return tuple(
            OwnFigure(message("{event}; {skin}", event=own.label, skin=skin), own.share)
            for skin, wanted in named
            for own in self.rates("hyperpigmentation", skin_type=wanted)
        )

    def onset(self, event: str) -> tuple[OwnFigure, ...]:
        found = self.facts.events
        term = EVENT_TERMS.index(event)
        session = found["session"].to_numpy()
        kept = (found["term"].to_numpy() == term) & (session >= 0)
        kept &= found["related"].to_numpy(np.bool_)
        kept &= self.chosen[np.maximum(session, 0)] if self.chosen.size else False
        days = found["offset"].to_numpy()[kept]
        label = message("From the session to the onset of {event}", event=_called(event))
        return (OwnFigure(label, spread=spread_of(days), unit="days"),)


def patient_has(owners: Days, having: Flags) -> Flags:
    """For each patient among ``owners`` whether any entry has it."""
    patients, place = np.unique(owners, return_inverse=True)
    return np.asarray(np.bincount(place[having], minlength=patients.size) > 0)


def _called(event: str) -> Message:
    return inline(catalogue().event_terms[event].label)


FIGURES: Final[Mapping[str, Callable[[_Own], tuple[OwnFigure, ...]]]] = {
    "reduction_70": _Own.reduction,
    "no_result_10": _Own.no_result,
    "two_sessions": _Own.sessions,
    "wait_6_weeks": _Own.gaps,
    "small_3_6_weeks": lambda own: own.days_to_success(
        SMALL, message("From the last planned session to success, veins below 3 mm that got there")
    ),
    "large_3_4_months": lambda own: own.days_to_success(
        LARGE, message("From the last planned session to success, veins of 3 mm or more")
    ),
    "effective_50": _Own.effective,
    "success_85": _Own.repeated,
    "temporary_recurrence": _Own.topped_up,
    "permanent": lambda own: own.by_day(
        "recurrence", N_("Sites recurred by day {day} after success"), 365, 730
    ),
    "not_permanent": lambda own: own.by_day(
        "recurrence", N_("Sites recurred by day {day} after success"), 365, 730
    ),
    "new_veins_same_rate": lambda own: own.by_day(
        "new_vein",
        N_("Patients treated for a new vein by day {day} after their first success"),
        365,
    ),
    "not_painful": _Own.pain,
    "bruise_weeks": lambda own: own.rates("haematoma"),
    "two_complications": lambda own: own.rates(
        "skin_necrosis",
        "hyperpigmentation",
        "telangiectatic_matting",
        "thromboembolism_30d",
    ),
    "sloughing_72_hours": lambda own: own.onset("skin_necrosis"),
    "brown_spots_fade": lambda own: own.rates("hyperpigmentation"),
    "dark_skin_risk": _Own.by_skin,
    "foam_migraine": lambda own: own.rates("migraine", form=("foam",)),
    "dvt_low": lambda own: own.rates("thromboembolism_30d"),
    "dvt_or_phlebitis": lambda own: own.rates("thromboembolism_30d", "superficial_thrombosis_30d"),
    "allergy_rare": lambda own: own.rates("anaphylaxis", "allergy_30d"),
}
"""What stands beside a claim, by its code."""
