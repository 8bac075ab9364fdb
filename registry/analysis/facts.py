"""The facts in columns: one row per session, event, follow-up item and treated site.

Every rate needs session-grain truth (windows, maturity, what was looked for, which patient), so the
read side keeps these columns per database and asks them instead of the tables. They are read again
as soon as the data have a new seal, so a figure never lags a save. The facts know no actor: every
analysis applies the clinics and rights of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry import audit
from registry.analysis.care_facts import answer_facts, entry_facts
from registry.analysis.event_facts import EVENT_LEVELS, event_facts, visit_facts
from registry.analysis.outcome_facts import leg_facts, reported_facts
from registry.analysis.patient_codes import patient_codes
from registry.analysis.session_facts import payer_names, session_facts
from registry.analysis.site_facts import SITE_LEVELS, site_facts
from registry.database import DbSession, reading
from registry.schema import Clinic, Clinician

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """Columns of one database at one seal; every text is a code into ``levels``, -1 for blank.

    ``sessions``: clinic_id, patient (dense code), day (days since 1970), course (dense code), the
    sessions planned in it, pain (0 to 10), each dimension, delay (days from treatment to entry),
    overridden (1 when a warning was), cost (hundredths of its currency, -1 for blank), currency
    (a number, see ``session_facts.currency_of``), has_lot and has_volume (1 when every injection
    names its own, 0 when one does not, -1 without any); ``session_ids`` holds the identifier of
    each, as text.
    ``events``: session (row of ``sessions``, -1 when attributed to none), clinic_id, term, offset
    (days after the session), serious, related, is_judged and is_detected (causality, and how it
    came to light, are recorded), screened, patient, onset (day), severity, resolved (days after the
    onset, -1 for no day), reported (likewise), recovered and side (of the site it is attributed
    to). ``visits``: patient, day, checklist and is_duplex of each follow-up that took
    place; ``not_assessed``: visit (row) and term of what was not assessed, or was present without
    an event. ``sites``: site (dense code), patient, session, day, side, anatomy_code, vessel_class
    and calibre of each treatment, the last two as codes into ``OF_SITES``; ``outcomes``: site, day,
    method, finding, scale, score and occlusion of each look. Both are in the order of site and day.
    ``answers``: patient, session, day and score of each answer on satisfaction. ``reported``:
    patient, item, day and score of every answer; ``legs``: patient, side, day and total of every
    full severity score. Linked patients share one code.
    ``deaths``: patient code to day. ``clinicians``, ``clinics`` and ``payers`` hold names by code.
    """

    seal: int
    sessions: pd.DataFrame
    session_ids: NDArray[np.bytes_]
    events: pd.DataFrame
    visits: pd.DataFrame
    not_assessed: pd.DataFrame
    sites: pd.DataFrame
    outcomes: pd.DataFrame
    answers: pd.DataFrame
    reported: pd.DataFrame
    legs: pd.DataFrame
    deaths: Mapping[int, int]
    patients: int
    levels: Mapping[str, tuple[str, ...]]
    clinicians: Mapping[str, tuple[str, int | None]]
    clinics: Mapping[int, tuple[str, str, str]]
    payers: Mapping[str, str]
    _derived: dict[object, Any] = field(default_factory=dict)

    def once(self, key: object, make: Callable[[], T]) -> T:
        """What ``make`` works out from these facts alone, kept as long as they are."""
        if key not in self._derived:
            self._derived[key] = make()
        found: T = self._derived[key]
        return found


_cache: WeakKeyDictionary[Engine, Facts] = WeakKeyDictionary()
_locks: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()
_guard = threading.Lock()


def facts_of(engine: Engine) -> Facts:
    """The facts at the newest seal; read once for each seal, whoever asks."""
    with _guard:
        lock = _locks.setdefault(engine, threading.Lock())
    with lock, reading(engine) as db:
        newest = audit.head(db)
        known = _cache.get(engine)
        if known is None or known.seal != newest:
            known = _read(db, newest)
            _cache[engine] = known
        return known


def _read(db: DbSession, seal: int) -> Facts:
    patients = patient_codes(db)
    sessions, session_keys, levels = session_facts(db, patients)
    visits, not_assessed = visit_facts(db, patients)
    sites, outcomes = site_facts(db, patients, session_keys, sessions["day"].to_numpy())
    reported = reported_facts(db, patients)
    clinicians = db.execute(
        sa.select(Clinician.clinic_id, Clinician.id, Clinician.display_name, Clinician.user_id)
    )
    clinics = {
        row.id: (row.code, row.name, row.time_zone)
        for row in db.execute(sa.select(Clinic.id, Clinic.code, Clinic.name, Clinic.time_zone))
    }
    zones = {id_: time_zone for id_, (_, _, time_zone) in clinics.items()}
    return Facts(
        seal=seal,
        sessions=sessions.assign(
            **entry_facts(db, session_keys, sessions["day"].to_numpy(), zones)
        ),
        session_ids=session_keys[1].astype(np.bytes_),
        events=event_facts(db, patients, session_keys, sessions["day"].to_numpy()),
        visits=visits,
        not_assessed=not_assessed,
        sites=sites,
        outcomes=outcomes,
        answers=answer_facts(reported, sessions),
        reported=reported,
        legs=leg_facts(db, patients),
        deaths=patients.deaths,
        patients=len(patients.person),
        levels=levels | SITE_LEVELS | EVENT_LEVELS,
        clinicians={
            f"{row.clinic_id}-{row.id}": (row.display_name, row.user_id) for row in clinicians
        },
        clinics=clinics,
        payers=payer_names(db),
    )
