"""A clinic at work, run in a process of its own so that it can be killed or starved."""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection
from uuid import UUID

from registry import audit
from registry.database import make_engine
from registry.errors import DatabaseUnavailable
from registry.operations.migration import command_line_actor
from tests.factories import a_patient, a_session, an_event, saving


def write_until_killed(url: str, clinic_id: int, acknowledge: Connection) -> None:
    """Record a patient with a session and an event, over and over; tell each one that is saved.

    Ends when the server is gone, of which the request on its way hears "unknown".
    """
    engine = make_engine(url)
    actor = command_line_actor(engine)
    while True:
        key: UUID = audit.request_key()
        acknowledge.send(("sent", key))
        try:
            with saving(engine, by=actor, request_key=key) as db:
                patient_id = a_patient(db, clinic_id)
                session_id = a_session(db, clinic_id, patient_id)
                an_event(db, clinic_id, patient_id, treatment_session_id=session_id)
        except DatabaseUnavailable:
            acknowledge.send(("unknown", key))
            return
        acknowledge.send(("saved", key))


def write_until_full(url: str, clinic_id: int, limit: int, tell: Connection) -> None:
    """Record until the file may not grow past ``limit`` bytes; then report what was said."""
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    engine = make_engine(url)
    actor = command_line_actor(engine)
    engine.dispose()
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    saved = 0
    try:
        while True:
            with saving(engine, by=actor) as db:
                for _ in range(20):
                    a_session(db, clinic_id, a_patient(db, clinic_id), note="x" * 1500)
            saved += 20
    except DatabaseUnavailable as error:
        message = str(error)
    with engine.connect() as connection:
        readable = connection.exec_driver_sql("SELECT count(*) FROM patient").scalar()
        connection.rollback()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with saving(engine, by=actor) as db:
        a_patient(db, clinic_id)
    tell.send((saved, readable, message))
    sys.stdout.flush()
    os._exit(0)
