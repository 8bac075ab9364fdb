"""Does a frozen period stay as it was and say what has changed since, on both databases?"""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from dashboard.take_away import content_to_keep
from registry.access import Actor, Grant, Permission
from registry.analysis.colophon import colophon
from registry.analysis.frozen import (
    ChangedSince,
    DamagedPeriod,
    changed_since,
    cohort_of,
    kept_period,
    kept_periods,
    log_kept_taken,
    standard_set,
)
from registry.audit import head
from registry.database import reading
from registry.entry.reporting_periods import (
    PeriodToKeep,
    canonical,
    freeze_period,
    void_period,
)
from registry.errors import InvalidEntry, NotFound, PermissionDenied
from registry.operations.migration import command_line_actor
from registry.schema import (
    AccessLog,
    AdverseEvent,
    ChangeSet,
    ReportingPeriod,
    TreatmentSession,
)
from registry.vocabulary import Role
from tests import factories as make

NOW = make.NOW
TODAY = make.TODAY
FIRST, LAST = TODAY - dt.timedelta(days=330), TODAY - dt.timedelta(days=241)
NOTHING: tuple[int, dict[str, Any]] = (1, {"results": []})
NEXT_YEAR = TODAY + dt.timedelta(days=365)


def treat(
    engine: Engine, clinic_id: int, count: int, *, events: int = 0, days_ago: int = 300
) -> None:
    """Treat patients once each, all seen after eight weeks, the first ones with necrosis."""
    day = TODAY - dt.timedelta(days=days_ago)
    with make.saving(engine, clinic_id=clinic_id) as db:
        for i in range(count):
            patient = make.a_patient(db, clinic_id)
            session = make.a_session(db, clinic_id, patient, treated_on=day)
            seen = day + dt.timedelta(days=56)
            make.a_follow_up(db, clinic_id, patient, treatment_session_id=session, seen_on=seen)
            if i < events:
                onset = day + dt.timedelta(days=3)
                make.an_event(
                    db, clinic_id, patient, treatment_session_id=session, onset_on=onset,
                    reported_on=onset,
                )  # fmt: skip


def freeze(engine: Engine, clinic_id: int, name: str = "2026 Q1", **changes: Any) -> UUID:
    by = changes.pop("by", None) or command_line_actor(engine)
    first, last = changes.pop("days", (FIRST, LAST))
    seal, content = changes.pop("kept", None) or reports_of(engine, by, clinic_id, first, last)
    return freeze_period(
        engine,
        by,
        clinic_id,
        PeriodToKeep(name, first, last, TODAY, seal, content),
        request_key=changes.pop("request_key", None) or uuid4(),
        now=NOW,
    )


def reports_of(
    engine: Engine, by: Actor, clinic_id: int, first: dt.date, last: dt.date
) -> tuple[int, dict[str, Any]]:
    found = standard_set(engine, by, cohort_of(clinic_id, first, last), today=TODAY)
    taken = [(report, colophon(engine, by, report, now=NOW)) for report in found]
    return found[0].heading.seal, content_to_keep(taken)


def since(engine: Engine, clinic_id: int, period: UUID, today: dt.date = TODAY) -> ChangedSince:
    return changed_since(engine, command_line_actor(engine), clinic_id, period, today=today)


@pytest.fixture
def clinic_id(engine: Engine) -> int:
    with make.saving(engine) as db:
        found = make.a_clinic(db)
    treat(engine, found, 12, events=2)
    return found


def test_a_frozen_period_says_the_same_after_the_records_have_changed(
    engine: Engine, clinic_id: int
) -> None:
    by = command_line_actor(engine)
    period = freeze(engine, clinic_id)
    before = kept_period(engine, by, clinic_id, period)
    assert since(engine, clinic_id, period) == ChangedSince(before[0].seal + 1, TODAY, (), ())

    with make.saving(engine, clinic_id=clinic_id) as db:
        kept, gone = db.scalars(sa.select(AdverseEvent))
        gone.voided_at, gone.version = NOW, 2
        kept.version = 2
    treat(engine, clinic_id, 3, events=1)
    treat(engine, clinic_id, 5, days_ago=100)
    assert kept_period(engine, by, clinic_id, period) == before

    found = since(engine, clinic_id, period)
    assert found.seal == before[0].seal + 4
    figures = {(line.report, line.row, str(line.figure)): line for line in found.figures}
    events = figures["complications", "All sessions", "Events"]
    assert (events.then, events.now.split(" (")[0]) == ("2 of 12 (16.7\u202f%)", "2 of 15")
    seen = figures["follow_up", "Check at 6 to 8 weeks", "Seen"]
    assert (seen.then[:8], seen.now[:8]) == ("12 of 12", "15 of 15")
    assert {line.kind: (line.added, line.amended, line.withdrawn) for line in found.records} == {
        "treatment_session": (3, 0, 0),
        "adverse_event": (1, 1, 1),
        "follow_up": (3, 0, 0),
        "patient": (3, 0, 0),
    }


def test_a_record_that_came_and_went_since_counts_nowhere(engine: Engine, clinic_id: int) -> None:
    period = freeze(engine, clinic_id)
    with make.saving(engine, clinic_id=clinic_id) as db:
        patient = make.a_patient(db, clinic_id)
        session = make.a_session(db, clinic_id, patient, treated_on=TODAY - dt.timedelta(days=300))
    records = {line.kind: line.added for line in since(engine, clinic_id, period).records}
    assert records == {"treatment_session": 1, "patient": 1}
    with make.saving(engine, clinic_id=clinic_id) as db:
        stored = db.get_one(TreatmentSession, (clinic_id, session))
        stored.voided_at, stored.version = NOW, 2
    records = {line.kind: line.added for line in since(engine, clinic_id, period).records}
    assert records == {"patient": 1}


def test_records_of_other_days_and_clinics_do_not_belong_to_the_period(
    engine: Engine, clinic_id: int
) -> None:
    period = freeze(engine, clinic_id)
    with make.saving(engine) as db:
        other = make.a_clinic(db, code="OTHER")
    treat(engine, other, 4, events=1)
    treat(engine, clinic_id, 4, events=1, days_ago=100)
    found = since(engine, clinic_id, period)
    assert (found.figures, found.records) == ((), ())


def test_a_session_moved_out_of_the_period_is_told(engine: Engine, clinic_id: int) -> None:
    period = freeze(engine, clinic_id)
    with make.saving(engine, clinic_id=clinic_id) as db:
        moved = db.scalars(
            sa.select(TreatmentSession).where(TreatmentSession.clinic_id == clinic_id)
        ).all()[-1]
        moved.treated_on, moved.version = LAST + dt.timedelta(days=10), 2
    records = {line.kind: line.amended for line in since(engine, clinic_id, period).records}
    assert records == {"treatment_session": 1}


def test_what_grows_with_time_alone_is_told_without_a_record(
    engine: Engine, clinic_id: int
) -> None:
    young = (TODAY - dt.timedelta(days=40), TODAY - dt.timedelta(days=20))
    treat(engine, clinic_id, 10, days_ago=30)
    period = freeze(engine, clinic_id, "Young", days=young)
    found = since(engine, clinic_id, period, NEXT_YEAR)
    assert found.records == ()
    rates = [line for line in found.figures if line.report == "complications"]
    assert ("0 of 0", "0 of 10") in {(line.then, line.now) for line in rates}


def test_the_same_request_keeps_a_period_once(engine: Engine, clinic_id: int) -> None:
    once = {"request_key": uuid4(), "kept": NOTHING}
    assert freeze(engine, clinic_id, **once) == freeze(engine, clinic_id, **once)
    assert len(kept_periods(engine, command_line_actor(engine), clinic_id)) == 1


@pytest.mark.parametrize(
    ("name", "days", "field"),
    [
        ("", (FIRST, LAST), "name"),
        (" ", (FIRST, LAST), "name"),
        ("x" * 81, (FIRST, LAST), "name"),
        ("two\nlines", (FIRST, LAST), "name"),
        ("Backwards", (LAST, FIRST), "last_day"),
        ("Not over", (FIRST, TODAY), "last_day"),
        ("Long ago", (dt.date(1850, 1, 1), LAST), "first_day"),
    ],
)
def test_what_makes_no_period_is_refused_beside_its_field(
    sqlite_engine: Engine, name: str, days: tuple[dt.date, dt.date], field: str
) -> None:
    with make.saving(sqlite_engine) as db:
        clinic_id = make.a_clinic(db)
    with pytest.raises(InvalidEntry) as refused:
        freeze(sqlite_engine, clinic_id, name, days=days, kept=NOTHING)
    assert [problem.field for problem in refused.value.problems] == [field]
    assert kept_periods(sqlite_engine, command_line_actor(sqlite_engine), clinic_id) == ()


def test_a_period_is_withdrawn_with_a_reason_and_never_overwritten(
    engine: Engine, clinic_id: int
) -> None:
    by = command_line_actor(engine)
    period = freeze(engine, clinic_id, kept=NOTHING)
    with pytest.raises(InvalidEntry, match="never overwritten"):
        freeze(engine, clinic_id, kept=NOTHING)
    for reason in ("", "  ", "!?", "x" * 501):
        with pytest.raises(InvalidEntry, match="why it is withdrawn"):
            void_period(engine, by, clinic_id, period, reason, request_key=uuid4(), now=NOW)
    key = uuid4()
    for _twice in range(2):
        void_period(engine, by, clinic_id, period, "Wrong quarter", request_key=key, now=NOW)
    with pytest.raises(NotFound):
        void_period(engine, by, clinic_id, period, "Again", request_key=uuid4(), now=NOW)
    with pytest.raises(InvalidEntry, match="never overwritten"):
        freeze(engine, clinic_id, kept=NOTHING)
    kept, content = kept_period(engine, by, clinic_id, period)
    assert kept.voided_at is not None
    assert content == NOTHING[1]
    with reading(engine) as db:
        reasons = db.scalars(
            sa.select(ChangeSet.reason_text).where(ChangeSet.action == "void_period")
        ).all()
    assert reasons == ["Wrong quarter"]


def test_stored_reports_that_were_changed_are_not_shown(engine: Engine, clinic_id: int) -> None:
    period = freeze(engine, clinic_id, kept=NOTHING)
    with make.saving(engine) as db:
        stored = db.get_one(ReportingPeriod, (clinic_id, period))
        stored.content = stored.content.replace("[]", "[1]")
    by = command_line_actor(engine)
    with pytest.raises(DamagedPeriod, match="sclero audit verify"):
        kept_period(engine, by, clinic_id, period)
    assert [kept.name for kept in kept_periods(engine, by, clinic_id)] == ["2026 Q1"]


def test_only_who_configures_freezes_and_only_who_reads_rates_reads(
    engine: Engine, clinic_id: int
) -> None:
    period = freeze(engine, clinic_id, kept=NOTHING)
    for role in Role:
        by = Actor(1, "somebody", "Somebody", (Grant(clinic_id, role),))
        rights = by.grants[0].permissions
        if Permission.CONFIGURE not in rights:
            with pytest.raises(PermissionDenied):
                void_period(engine, by, clinic_id, period, "Mine", request_key=uuid4(), now=NOW)
        if Permission.READ_RATES in rights:
            assert kept_period(engine, by, clinic_id, period)[0].id == period
        else:
            for read in (
                lambda by=by: kept_periods(engine, by, clinic_id),
                lambda by=by: kept_period(engine, by, clinic_id, period),
                lambda by=by: changed_since(engine, by, clinic_id, period, today=TODAY),
            ):
                with pytest.raises(PermissionDenied):
                    read()
    stranger = Actor(1, "x", "X", (Grant(clinic_id + 1, Role.PRACTICE_MANAGER),))
    with pytest.raises(PermissionDenied):
        kept_periods(engine, stranger, clinic_id)
    with pytest.raises(NotFound):
        kept_period(engine, command_line_actor(engine), clinic_id, uuid4())


def test_taking_a_kept_period_away_is_logged_with_its_digest(
    sqlite_engine: Engine,
) -> None:
    with make.saving(sqlite_engine) as db:
        clinic_id = make.a_clinic(db)
    treat(sqlite_engine, clinic_id, 2)
    by = command_line_actor(sqlite_engine)
    period, _content = kept_period(sqlite_engine, by, clinic_id, freeze(sqlite_engine, clinic_id))
    log_kept_taken(sqlite_engine, by, clinic_id, period, "pdf", now=NOW)
    with reading(sqlite_engine) as db:
        action, detail = db.execute(sa.select(AccessLog.action, AccessLog.detail)).one()
        assert head(db) == period.seal + 1, "reading and logging change no record"
    assert action == "download_report"
    assert detail.endswith(f"to={LAST.isoformat()}; clinic={clinic_id}; content {period.digest}")


def test_canonical_json_takes_no_number_that_is_none() -> None:
    assert canonical({"b": 1, "a": "≥"}) == '{"a":"≥","b":1}'
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": float("nan")})
