"""Does every page open for whom it is meant and nobody else, whatever registry and address hold?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from dashboard.app import Page, pages
from registry.access import Permission
from registry.database import make_engine
from registry.vocabulary import Role
from tests.dashboard.test_report_pages import charts, everything, treat
from tests.factories import a_clinic, a_clinician, saving
from tests.made_up_clinic import fill

CLINICIAN, MANAGER, DATA, ADMINISTRATOR, AUDITOR = Role
READERS = frozenset({CLINICIAN, MANAGER, DATA, AUDITOR})
RECORDS = READERS - {MANAGER}

EXPECTED: Mapping[str, tuple[str, frozenset[Role]]] = {
    "record_session.py": ("Record a session", frozenset({CLINICIAN})),
    "report_event.py": ("Report an event", frozenset({CLINICIAN})),
    "record_follow_up.py": ("Record a follow-up", frozenset({CLINICIAN})),
    "to_do.py": ("To do", RECORDS),
    "patient.py": ("Patient", RECORDS),
    "patient_outcomes.py": ("Symptoms and severity", frozenset({CLINICIAN})),
    "enrol.py": ("Enrol a patient", frozenset({CLINICIAN})),
    "overview.py": ("Overview", READERS),
    "complications.py": ("Complications", READERS),
    "control.py": ("Control charts", READERS),
    "recurrence.py": ("Recurrence", READERS),
    "reported_outcomes.py": ("What patients say", READERS),
    "leaflet.py": ("Patients' leaflet", READERS),
    "costs.py": ("Costs", READERS),
    "periods.py": ("Reports", READERS),
    "clinics.py": ("Clinics and clinicians", READERS),
    "worklist.py": ("Follow-up", READERS),
    "sessions_behind.py": ("Sessions", READERS),
    "files.py": ("Files", frozenset({DATA})),
    "audit.py": ("Audit", frozenset({AUDITOR})),
    "users.py": ("People", frozenset({ADMINISTRATOR})),
    "account.py": ("Your account", frozenset(Role)),
}
"""Title and readers of every page: written down, not worked out from the rights."""

LISTED: tuple[Page, ...] = tuple(page for group in pages().values() for page in group)
FIGURES = tuple(page.view for page in LISTED if page.any_of == {Permission.READ_RATES})
WHOLE_CLINIC = {"leaflet.py"}
"""Figures of a whole clinic, without a filter, and published ones where it has none."""


class Treated(NamedTuple):
    """A registry and one clinic of it."""

    engine: Engine
    clinic_id: int


@pytest.fixture(scope="module")
def registries(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Treated]]:
    """Registries of one clinic: by their size, and by what is odd about it."""
    folder = tmp_path_factory.mktemp("registries")
    made: dict[str, Treated] = {}
    for name in ("empty", "tiny", "large", *ODD):
        path = folder / f"{name}.sqlite"
        shutil.copy(migrated_sqlite, path)
        engine = make_engine(f"sqlite:///{path}")
        with saving(engine) as db:
            made[name] = Treated(engine, a_clinic(db, code="leg", name="Leg clinic"))
            if name == "one clinician":
                a_clinician(db, made[name].clinic_id, 1)
    fill(*made["tiny"], 1)
    fill(*made["large"], 400)
    for name, (odd, _) in ODD.items():
        treat(*made[name], 20, **odd)
    yield made
    for treated in made.values():
        treated.engine.dispose()


def opened(app: AppTest, view: str, query: Mapping[str, str] | None = None) -> str:
    """The words of a page, which must bear its title and own to no fault."""
    app.query_params.clear()
    for name, value in (query or {}).items():
        app.query_params[name] = value
    app.switch_page(f"views/{view}").run()
    assert [title.value for title in app.title] == [EXPECTED[view][0]], view
    assert not app.exception, view
    assert not app.error, view
    return everything(app)


def test_the_tables_name_every_page() -> None:
    assert {page.view: page.title for page in LISTED} == {
        view: title for view, (title, _) in EXPECTED.items()
    }
    assert set(SAID) == set(FIGURES)
    assert {view for _, said in ODD.values() for view in said} <= set(FIGURES)


@pytest.mark.parametrize("name", ["empty", "tiny", "large"])
@pytest.mark.parametrize("role", Role)
def test_a_role_opens_its_pages_and_no_other(
    app_as: Any, registries: dict[str, Treated], role: Role, name: str
) -> None:
    engine, clinic_id = registries[name]
    app = app_as(role, engine, clinic_id=clinic_id)
    for view, (_, readers) in EXPECTED.items():
        if role in readers:
            words = opened(app, view, SECTION.get(view))
            if name == "empty" and view in {*FIGURES} - WHOLE_CLINIC:
                links = [link.proto.label for link in app.get("page_link")]
                assert "No treatment session is registered here yet" in words, view
                assert ("Record a session" in links) == (role is CLINICIAN), view
                assert not app.metric, view
                assert not charts(app), view
                assert "%" not in words, view
        else:
            with pytest.raises(ValueError, match="navigation page"):
                app.switch_page(f"views/{view}")


SECTION: Mapping[str, Mapping[str, str]] = {"worklist.py": {"section": "completeness"}}
"""The part of a page that asks for sessions, where another one opens first."""

SAID: Mapping[str, str] = {
    "overview.py": "0 of 20 sessions",
    "complications.py": "0 of 20 sessions",
    "control.py": "There is nothing to chart.",
    "recurrence.py": "None of the 20 treated sites was looked at",
    "reported_outcomes.py": "No patient was asked about symptoms",
    "leaflet.py": "None of these numbers is from our clinic.",
    "costs.py": "An amount is recorded for 0 of 20 sessions",
    "periods.py": "No period is kept yet.",
    "clinics.py": "No clinician is recorded for these sessions",
    "worklist.py": "Share of sessions whose patient was seen",
    "sessions_behind.py": "20 sessions",
}
"""What each page says of twenty patients treated once."""

ODD: Mapping[str, tuple[Mapping[str, Any], Mapping[str, str]]] = {
    "without follow-up": (
        {"is_seen": False},
        {
            "overview.py": "0 of 20 sessions; interval: –. | Assessed: 0 %.",
            "complications.py": "the rate lies between 0.0 % and 100.0 %",
            "worklist.py": "none seen",
        },
    ),
    "all events": (
        {"events": 20},
        {
            "overview.py": "20 of 20 sessions; interval: Clopper-Pearson",
            "complications.py": "20 of 20 sessions (100.0 %, 95 % CI 83.2 % to 100.0 %)",
            "control.py": "That is too few for a chart",
        },
    ),
    "no event": (
        {},
        {
            "overview.py": "0 of 20 sessions; interval: exact, one-sided",
            "complications.py": "A true rate up to 13.9 % is compatible with this",
        },
    ),
    "one clinician": ({"clinician_id": 1}, {"clinics.py": "There is only one here"}),
}
"""What is odd about a clinic, and what its pages say otherwise for that."""


@pytest.mark.parametrize("name", ODD)
def test_an_odd_clinic_is_told_as_it_is(
    app_as: Any, registries: dict[str, Treated], name: str
) -> None:
    engine, clinic_id = registries[name]
    app = app_as(MANAGER, engine, clinic_id=clinic_id)
    for view, said in (SAID | ODD[name][1]).items():
        assert said in opened(app, view, SECTION.get(view)), view


HOSTILE = {
    "from": "2026-13-45",
    "to": "'; DROP TABLE patient; --",
    "form": "foam,<img src=x onerror=alert(1)>,liquid",
    "clinic": "999",
    "clinician": "1-1,../../etc/passwd",
    "month": "2026-01",
    "by": "patient_id",
    "event": "{0.__class__}",
    "![x](http://example.org/x.png)": "1",
}

ADDRESSES: Mapping[str, tuple[Mapping[str, str], tuple[str, ...], Mapping[str, str]]] = {
    "unknown": (
        HOSTILE,
        (
            "“from” is not a day",
            "“to” is not a day",
            "1 unknown value(s) of Form were ignored",
            "1 unknown value(s) of Clinician were ignored",
            "1 unknown value(s) of Clinic were ignored",
            "words that no page uses",
        ),
        {"form": "foam,liquid", "clinician": "1-1"},
    ),
    "reversed": (
        {"from": "2026-05-01", "to": "2020-01-01"},
        ("“from” is after “to”; both were ignored",),
        {},
    ),
    "nothing": (
        {"to": "2001-01-01"},
        ("No session fits this filter;",),
        {"to": "2001-01-01"},
    ),
}
"""Addresses, what every page says of them, and what is left of them."""


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_odd_address_is_named_and_never_obeyed(
    app_as: Any, registries: dict[str, Treated], name: str
) -> None:
    query, said, left = ADDRESSES[name]
    engine, clinic_id = registries["large"]
    app = app_as(MANAGER, engine, clinic_id=clinic_id)
    for view in FIGURES:
        section = SECTION.get(view, {})
        words = opened(app, view, {**query, **section})
        for strange in ("onerror", "DROP", "passwd", "example.org", "__class__"):
            assert strange not in words, view
        if view not in WHOLE_CLINIC:
            assert [line for line in said if line not in words] == [], view
            assert app.query_params == {**left, **section}, view
