"""Soft rules: what is hardly ever true, so that whoever finds it looks again.

A broken rule is a question, not an error: the record may be right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from registry.analysis.columns import Codes, as_days, as_text, columns_of, places, whole
from registry.analysis.completeness import Checked
from registry.analysis.event_facts import EVENT_TERMS
from registry.analysis.facts import Facts
from registry.catalogue import catalogue
from registry.database import DbSession
from registry.messages import Message, message
from registry.schema import AdverseEvent, FollowUp, FollowUpFinding, Injection
from registry.vocabulary import FindingState, FollowUpStatus

UNUSUAL_VOLUME: Final = 3
"""Times the usual volume from which an injection is asked about. Our decision."""
FEWEST_FOR_USUAL: Final = 10
"""Injections of a product and form in the clinic from which their median is called usual."""

RULES: Final[Mapping[str, Message]] = {
    "volume": message("Volume at most 3 times the usual"),
    "onset": message("Onset within typical days"),
    "early_visit": message("Visit not before its window"),
    "finding": message("Present finding has its event"),
    "one_session": message("No second session that day"),
    "one_event": message("No second such event that day"),
}

Flags = NDArray[np.bool_]
Looked = tuple[Codes, Flags]
"""Of the records that a rule can be asked of: the row of its session, and whether it is kept."""
Look = Callable[[DbSession, Facts, int], Looked]


def rules_of(db: DbSession, facts: Facts, clinic_id: int, own: Flags) -> Iterator[Checked]:
    """Each rule in the records of ``own`` sessions of a clinic."""
    sessions, events = facts.sessions, facts.events

    def checked(code: str, unit: str, look: Look) -> Checked:
        # Read once: from one filter to the next only the sessions that are chosen change.
        rows, is_good = facts.once(("rule", code, clinic_id), lambda: look(db, facts, clinic_id))
        asked = own[rows]
        return Checked(code, unit, sessions["patient"].to_numpy()[rows[asked]], is_good[asked])

    yield checked("volume", "injections", _volumes)
    inside = events["session"].to_numpy() >= 0
    inside[inside] = own[events["session"].to_numpy()[inside]]
    attributed = events[inside]
    yield _onsets(attributed)
    yield checked("early_visit", "visits", _visits)
    yield checked("finding", "findings", _findings)
    chosen = sessions[own]
    yield Checked(
        "one_session",
        "sessions",
        chosen["patient"].to_numpy(),
        ~chosen.duplicated(["patient", "day"], keep=False).to_numpy(),
    )
    yield Checked(
        "one_event",
        "events",
        attributed["patient"].to_numpy(),
        ~attributed.duplicated(["patient", "term", "onset"], keep=False).to_numpy(),
    )


def _volumes(db: DbSession, facts: Facts, clinic_id: int) -> Looked:
    found = columns_of(
        db,
        Injection.clinic_id,
        as_text(Injection.treatment_session_id, db).label("session_id"),
        Injection.product_code,
        sa.type_coerce(Injection.form, sa.String).label("form"),
        sa.type_coerce(Injection.liquid_ml, sa.Float).label("ml"),
        where=[
            Injection.clinic_id == clinic_id,
            Injection.voided_at.is_(None),
            Injection.liquid_ml.is_not(None),
        ],
    )
    table = pd.DataFrame(
        {
            "product": found["product_code"],
            "form": found["form"],
            "ml": found["ml"].astype(np.float64),
        }
    )
    groups = table.groupby(["product", "form"])["ml"]
    usual, size = groups.transform("median"), groups.transform("size")
    rows = _rows(found, facts)
    asked = (size >= FEWEST_FOR_USUAL).to_numpy() & (rows >= 0)
    is_good = (table["ml"] <= UNUSUAL_VOLUME * usual).to_numpy()
    return rows[asked], is_good[asked]


def _onsets(events: pd.DataFrame) -> Checked:
    terms = [catalogue().event_terms[code] for code in EVENT_TERMS]
    latest = np.array(
        [-1 if t.typical_onset_to_days is None else t.typical_onset_to_days for t in terms]
    )
    earliest = np.array([t.typical_onset_from_days or 0 for t in terms])
    term, offset = events["term"].to_numpy(), events["offset"].to_numpy()
    asked = latest[term] >= 0
    is_good = (offset >= earliest[term]) & (offset <= latest[term])
    return Checked("onset", "events", events["patient"].to_numpy()[asked], is_good[asked])


def _visits(db: DbSession, facts: Facts, clinic_id: int) -> Looked:
    visits = catalogue().visits
    found = columns_of(
        db,
        FollowUp.clinic_id,
        as_text(FollowUp.treatment_session_id, db).label("session_id"),
        FollowUp.visit_code,
        as_days(FollowUp.seen_on, db).label("day"),
        where=[
            FollowUp.clinic_id == clinic_id,
            FollowUp.voided_at.is_(None),
            FollowUp.status == FollowUpStatus.SEEN,
            FollowUp.treatment_session_id.is_not(None),
            FollowUp.visit_code.in_(visits),
        ],
    )
    rows = _rows(found, facts)
    known = rows >= 0
    opens = np.array([visits[code].from_day for code in found["visit_code"]], dtype=np.int64)
    after = whole(found["day"])[known] - facts.sessions["day"].to_numpy()[rows[known]]
    return rows[known], after >= opens[known]


def _findings(db: DbSession, facts: Facts, clinic_id: int) -> Looked:
    found = columns_of(
        db,
        FollowUpFinding.clinic_id,
        as_text(FollowUp.treatment_session_id, db).label("session_id"),
        sa.case((AdverseEvent.id.is_(None), 0), else_=1).label("has_event"),
        source=sa.join(
            FollowUpFinding,
            FollowUp,
            sa.and_(
                FollowUp.clinic_id == FollowUpFinding.clinic_id,
                FollowUp.id == FollowUpFinding.follow_up_id,
            ),
        ).outerjoin(
            AdverseEvent,
            sa.and_(
                AdverseEvent.clinic_id == FollowUpFinding.clinic_id,
                AdverseEvent.id == FollowUpFinding.adverse_event_id,
                AdverseEvent.voided_at.is_(None),
            ),
        ),
        where=[
            FollowUpFinding.clinic_id == clinic_id,
            FollowUpFinding.voided_at.is_(None),
            FollowUpFinding.state == FindingState.PRESENT,
            FollowUp.treatment_session_id.is_not(None),
        ],
    )
    rows = _rows(found, facts)
    known = rows >= 0
    return rows[known], whole(found["has_event"])[known] == 1


def _rows(found: Mapping[str, Any], facts: Facts) -> Codes:
    """Row of the session that each record names; -1 for one that was withdrawn."""
    keys = (
        facts.sessions["clinic_id"].to_numpy().astype(object),
        facts.session_ids.astype(str).astype(object),
    )
    return places((found["clinic_id"], found["session_id"]), keys)
