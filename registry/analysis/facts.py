"""The facts in columns: one row per session, event, follow-up item and treated site.

Every rate needs session-grain truth (windows, maturity, what was looked for, which patient), so the
read side keeps these columns per database and asks them instead of the tables. As soon as the data
have a new seal, the facts of the patients that were written about are read again, or all of them,
so a figure never lags a save. The facts know no actor: every analysis applies the clinics and
rights of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry import audit
from registry.analysis.care_facts import answer_facts, entry_facts
from registry.analysis.columns import Codes, Joining
from registry.analysis.dimensions import DIMENSIONS
from registry.analysis.event_facts import EVENT_LEVELS, event_facts, visit_facts
from registry.analysis.outcome_facts import leg_facts, reported_facts
from registry.analysis.patient_codes import PatientCodes, patient_codes
from registry.analysis.session_facts import payer_names, session_facts
from registry.analysis.site_facts import SITE_LEVELS, site_facts
from registry.analysis.touched_patients import Patients, touched_patients
from registry.audit import Anchor
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


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """Facts, the seal at which they were read, and whom the codes of patients stand for."""

    anchor: Anchor | None
    facts: Facts
    patients: PatientCodes


_cache: WeakKeyDictionary[Engine, _Kept] = WeakKeyDictionary()
_locks: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()
_guard = threading.Lock()


def facts_of(engine: Engine) -> Facts:
    """The facts at the newest seal; read once for each seal, whoever asks."""
    with _guard:
        lock = _locks.setdefault(engine, threading.Lock())
    with lock, reading(engine) as db:
        newest = audit.last_seal(db)
        kept = _cache.get(engine)
        if kept is None or kept.anchor != newest:
            kept = _renewed(db, kept, newest) or _whole(db, newest)
            _cache[engine] = kept
        return kept.facts


def _whole(db: DbSession, newest: Anchor | None) -> _Kept:
    patients = patient_codes(db)
    return _Kept(newest, _read(db, newest.seq if newest else 0, patients), patients)


def _renewed(db: DbSession, kept: _Kept | None, newest: Anchor | None) -> _Kept | None:
    """The facts with those of the patients read again who were written about; None if many were."""
    if kept is None or kept.anchor is None or newest is None:
        return None
    touched = touched_patients(db, kept.anchor, newest)
    if touched is None:
        return None
    facts, seal = kept.facts, newest.seq
    if not touched.ids:
        return _Kept(newest, replace(facts, seal=seal, _derived={}), kept.patients)
    patients, theirs, was_theirs = kept.patients.renewed(db, touched)
    part = _read(db, seal, theirs, touched)
    return _Kept(newest, _joined(facts, part, was_theirs, patients), patients)


def _read(db: DbSession, seal: int, patients: PatientCodes, only: Patients | None = None) -> Facts:
    """The facts of all patients, or of some."""
    sessions, session_keys, levels = session_facts(db, patients, only)
    days = sessions["day"].to_numpy()
    visits, not_assessed = visit_facts(db, patients, only)
    sites, outcomes = site_facts(db, patients, session_keys, days, only)
    reported = reported_facts(db, patients, only)
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
        sessions=sessions.assign(**entry_facts(db, session_keys, days, zones, only)),
        session_ids=session_keys[1].astype(np.bytes_),
        events=event_facts(db, patients, session_keys, days, only),
        visits=visits,
        not_assessed=not_assessed,
        sites=sites,
        outcomes=outcomes,
        answers=answer_facts(reported, sessions),
        reported=reported,
        legs=leg_facts(db, patients, only),
        deaths=patients.deaths,
        patients=len(patients.person),
        levels=levels | SITE_LEVELS | EVENT_LEVELS,
        clinicians={
            f"{row.clinic_id}-{row.id}": (row.display_name, row.user_id) for row in clinicians
        },
        clinics=clinics,
        payers=payer_names(db),
    )


def _joined(
    facts: Facts, part: Facts, was_theirs: NDArray[np.bool_], patients: PatientCodes
) -> Facts:
    """The facts with those of some patients replaced by ``part``."""

    def stays(table: pd.DataFrame) -> NDArray[np.bool_]:
        return np.asarray(~was_theirs[table["patient"].to_numpy()])

    def in_order(ours: pd.DataFrame, theirs: pd.DataFrame, **references: Joining) -> pd.DataFrame:
        kept = stays(ours)
        at = np.searchsorted(_by_patient_and_day(ours[kept]), _by_patient_and_day(theirs), "right")
        return Joining.of(kept, len(theirs), at).table(ours, theirs, **references)

    kept = stays(facts.sessions)
    sessions = Joining.of(kept, len(part.sessions), _places_in_time(facts, kept, part))
    courses = _codes_joined(facts.sessions["course"].to_numpy(), kept, part.sessions["course"])
    table = sessions.table(facts.sessions, part.sessions, course=courses)
    levels = {}
    for name in DIMENSIONS:
        table[name], levels[name] = _levels_joined(facts, part, name, sessions)
    visits = Joining.of(stays(facts.visits), len(part.visits))
    missing = visits.rows(
        facts.not_assessed["visit"].to_numpy(), part.not_assessed["visit"].to_numpy()
    )
    kept = stays(facts.sites)
    treated = Joining.of(kept, len(part.sites))
    sites = _codes_joined(facts.sites["site"].to_numpy(), kept, part.sites["site"])
    looked = sites.place[facts.outcomes["site"].to_numpy()] >= 0
    return replace(
        facts,
        seal=part.seal,
        sessions=table,
        session_ids=sessions.column(facts.session_ids, part.session_ids),
        events=Joining.of(stays(facts.events), len(part.events)).table(
            facts.events, part.events, session=sessions
        ),
        visits=visits.table(facts.visits, part.visits),
        not_assessed=Joining.of(
            missing[: len(facts.not_assessed)] >= 0, len(part.not_assessed)
        ).table(facts.not_assessed, part.not_assessed, visit=visits),
        sites=treated.table(facts.sites, part.sites, site=sites, session=sessions),
        outcomes=Joining.of(looked, len(part.outcomes)).table(
            facts.outcomes, part.outcomes, site=sites
        ),
        answers=in_order(facts.answers, part.answers, session=sessions),
        reported=in_order(facts.reported, part.reported),
        legs=in_order(facts.legs, part.legs),
        deaths=patients.deaths,
        patients=len(patients.person),
        levels={**facts.levels, **levels},
        payers=part.payers,
        _derived={},
    )


def _by_patient_and_day(table: pd.DataFrame) -> Codes:
    return np.asarray(table["patient"].to_numpy() * 1_000_000 + table["day"].to_numpy())


def _places_in_time(facts: Facts, kept: NDArray[np.bool_], part: Facts) -> Codes:
    """Before which session that is kept each of ``part`` has its place: by day, then id."""
    days, ids = facts.sessions["day"].to_numpy()[kept], facts.session_ids[kept]
    day, id_ = part.sessions["day"].to_numpy(), part.session_ids
    first, last = (np.searchsorted(days, day, side) for side in ("left", "right"))
    return np.array(
        [
            begin + np.searchsorted(ids[begin:end], own)
            for begin, end, own in zip(first, last, id_, strict=True)
        ],
        dtype=np.int64,
    )


def _codes_joined(ours: Codes, kept: NDArray[np.bool_], theirs: pd.Series[int]) -> Joining:
    """New dense codes for those that are still in use, and for those of a part."""
    in_use = np.zeros(ours.max(initial=-1) + 2, dtype=np.bool_)
    in_use[ours[kept]] = True
    return Joining.of(in_use[:-1], int(theirs.max()) + 1 if len(theirs) else 0)


def _levels_joined(
    facts: Facts, part: Facts, dimension: str, sessions: Joining
) -> tuple[Codes, tuple[str, ...]]:
    """The codes of a dimension and its levels: those that occur, in their order."""
    names = np.array([*facts.levels[dimension], *part.levels[dimension]], dtype=object)
    theirs = part.sessions[dimension].to_numpy() + len(facts.levels[dimension])
    codes = sessions.column(facts.sessions[dimension].to_numpy(), theirs)
    occurs = np.bincount(codes, minlength=len(names)) > 0
    levels = sorted(set(names[occurs].tolist()))
    place = {name: code for code, name in enumerate(levels)}
    renamed = np.array([place.get(name, -1) for name in names], dtype=np.int64)
    return renamed[codes], tuple(levels)
