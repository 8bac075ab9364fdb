"""The data manager's page, driven as a data manager does."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from dashboard import downloads, state
from registry.database import reading
from registry.exchange import UPLOAD_LIMITS, read_files, write_template
from registry.exchange.format import FILES
from registry.schema import AccessLog, ImportBatch, Lot, Patient, PatientIdentity, SignIn
from registry.vocabulary import Role
from tests.dashboard.conftest import PASSWORD, AppAs, a_clinic
from tests.factories import a_patient, an_identity, saving

PAGE = "views/files.py"
PATIENTS = [
    {"patient_key": f"P-{n:04d}", "enrolled_on": "2026-01-05", "birth_year": "1970"}
    for n in range(1, 4)
]
SESSIONS = [
    {"session_key": f"S{n}", "patient_key": f"P-{n:04d}", "treated_on": "2026-01-10"}
    for n in range(1, 4)
]
INJECTIONS = [
    {
        "session_key": f"S{n}",
        "product_code": "aethoxysklerol",
        "form": "liquid",
        "concentration_percent": "0.5",
        "liquid_ml": "2",
    }
    for n in range(1, 4)
]
EXPIRED = INJECTIONS[0] | {"lot_number": "L-1", "expires_on": "2025-12-31"}


def files(**rows: list[dict[str, str]]) -> list[tuple[str, bytes, str]]:
    """Uploads in the canonical format: three patients with a session each unless given."""
    uploads = []
    standard = {"patients": PATIENTS, "sessions": SESSIONS, "injections": INJECTIONS}
    for stem, content in (standard | rows).items():
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(FILES[f"{stem}.csv"].columns))
        writer.writeheader()
        writer.writerows(content)
        uploads.append((f"{stem}.csv", text.getvalue().encode(), "text/csv"))
    return uploads


@pytest.fixture
def page(app_as: AppAs, sqlite_engine: Engine) -> AppTest:
    app = app_as(Role.DATA_MANAGER, sqlite_engine, PAGE)
    assert [title.value for title in app.title] == ["Files"]
    assert not app.exception
    return app


def upload(app: AppTest, uploads: list[tuple[str, bytes, str]]) -> AppTest:
    app.file_uploader[0].set_value(uploads).run()
    assert not app.exception
    return app


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def type_password(app: AppTest, typed: str) -> None:
    next(box for box in app.text_input if box.label == "Your password").set_value(typed)
    next(button for button in app.button if button.label == "Continue").click().run()


def texts(app: AppTest) -> str:
    return "\n".join(
        str(element.value)
        for kind in ("text", "markdown", "caption", "error", "warning", "info", "success")
        for element in app.get(kind)
    ).replace("\\", "")


def table(app: AppTest, position: int = 0) -> list[dict[str, str]]:
    frame = app.table[position].value
    return [
        {str(k): str(v).replace("\\", "") for k, v in row.items()}
        for row in frame.to_dict("records")
    ]


def links(app: AppTest) -> dict[str, str]:
    return {link.proto.label: link.proto.url for link in app.get("link_button")}


def fetched(path: str, user_id: int) -> downloads.Offer | None:
    return downloads.take(path.removeprefix(downloads.PATH), user_id, now=state.now())


def fetch(app: AppTest, label: str) -> bytes:
    offer = fetched(links(app)[label], state.actor().user_id)
    assert offer is not None
    return offer.content()


def stored(engine: Engine, model: Any) -> int:
    with reading(engine) as db:
        return db.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def logged(engine: Engine) -> list[tuple[str, int | None, str | None]]:
    with reading(engine) as db:
        rows = db.execute(
            sa.select(AccessLog.action, AccessLog.row_count, AccessLog.detail).order_by(
                AccessLog.id
            )
        )
        return [tuple(row) for row in rows if row.action != "sign_in"]  # type: ignore[misc]


def test_the_limit_and_the_template_stand_before_the_upload(page: AppTest, tmp_path: Any) -> None:
    assert "Up to 20 MiB and 200,000 rows" in texts(page)
    with zipfile.ZipFile(io.BytesIO(fetch(page, "Template"))) as archive:
        names = set(archive.namelist())
    write_template(tmp_path / "template")
    assert names == {path.name for path in (tmp_path / "template").iterdir()}
    columns = list(csv.DictReader(io.StringIO(fetch(page, "Column dictionary").decode())))
    assert {row["file"] for row in columns} == set(FILES)


def test_every_column_is_explained_on_the_page(page: AppTest) -> None:
    page.selectbox(key="files:described").select("sessions.csv").run()
    assert [row["Column"] for row in table(page)] == list(FILES["sessions.csv"].columns)


def test_a_planted_error_is_named_and_nothing_is_stored(
    page: AppTest, sqlite_engine: Engine
) -> None:
    wrong = [*SESSIONS[:2], SESSIONS[2] | {"treated_on": "10/01/2026"}]
    upload(page, files(sessions=wrong))
    assert "1 problem must be put right" in page.error[0].value
    (place,) = table(page, 2)
    assert (place["File"], place["Row"], place["Column"]) == ("sessions.csv", "4", "treated_on")
    assert "10/01" not in str(place)
    assert not [button for button in page.button if button.key == "files:import"]
    assert stored(sqlite_engine, Patient) == 0


def test_every_problem_is_counted_and_the_first_200_are_shown(page: AppTest) -> None:
    many = [SESSIONS[0] | {"session_key": f"S{n}", "treated_on": "soon"} for n in range(250)]
    upload(page, files(sessions=many))
    assert page.error[0].value.startswith("250 problems")
    (kind,) = table(page, 2)
    assert (kind["How often"], kind["First in row"]) == ("250", "2")
    assert len(table(page, 3)) == 200
    assert "The first 200 of 250" in texts(page)
    rows = list(csv.DictReader(io.StringIO(fetch(page, "All remarks as CSV").decode())))
    assert [row["line"] for row in rows].count("place") == 250
    assert rows[0]["count"] == "250"


def test_what_is_right_is_imported_once(page: AppTest, sqlite_engine: Engine) -> None:
    upload(page, files())
    assert "9 rows are new" in page.info[0].value
    assert stored(sqlite_engine, Patient) == 0
    assert table(page, 1) == [
        {
            "File": name,
            "Rows": "3",
            "New": "3",
            "Already stored": "0",
            "Conflicts": "0",
        }
        for name in ("patients.csv", "sessions.csv", "injections.csv")
    ]
    press(page, "files:import")
    assert page.success[0].value.startswith("Stored all 9 rows on ")
    assert [row["Stored"] for row in table(page, 1)] == ["3", "3", "3"]
    assert (stored(sqlite_engine, Patient), stored(sqlite_engine, ImportBatch)) == (3, 1)

    upload(page, files())
    assert "These very files were imported on" in page.success[0].value
    assert "Nothing is stored twice" in page.success[0].value
    more = [*PATIENTS, PATIENTS[0] | {"patient_key": "P-0009"}]
    upload(page, files(patients=more))
    assert "1 row is new" in page.info[0].value
    press(page, "files:import")
    assert table(page, 1)[0] == {"File": "patients.csv", "Stored": "1", "Stored before": "3"}
    assert stored(sqlite_engine, Patient) == 4


def test_what_differs_from_what_is_stored_is_a_conflict(page: AppTest) -> None:
    upload(page, files())
    press(page, "files:import")
    upload(page, files(patients=[PATIENTS[0] | {"birth_year": "1971"}, *PATIENTS[1:]]))
    assert page.error
    assert [row["Conflicts"] for row in table(page, 1)] == ["1", "0", "0"]
    assert table(page, 2)[0]["Row"] == "2"


def test_a_rule_is_confirmed_by_a_tick_before_the_import(
    page: AppTest, sqlite_engine: Engine
) -> None:
    upload(page, files(injections=[EXPIRED, *INJECTIONS[1:]]))
    assert "1 time, first in injections.csv, row 2." in texts(page)
    assert page.button(key="files:import").disabled
    (tick,) = (box for box in page.checkbox if "lot_not_expired" in str(box.key))
    tick.check().run()
    assert not page.button(key="files:import").disabled
    press(page, "files:import")
    assert page.success[0].value.startswith("Stored all 9 rows")


def test_a_recalled_lot_is_asked_about_before_what_is_less_grave(
    page: AppTest, sqlite_engine: Engine
) -> None:
    lot = {"product_code": "aethoxysklerol", "lot_number": "L-1", "recalled_on": "2026-01-02"}
    upload(page, files(lots=[lot], injections=[EXPIRED, *INJECTIONS[1:]]))
    ticks = [box for box in page.checkbox if "files:accept" in str(box.key)]
    assert [str(box.key).rsplit(":", 1)[1] for box in ticks] == [
        "lot_recalled",
        "lot_not_expired",
    ]
    for tick in ticks:
        assert page.button(key="files:import").disabled
        tick.check().run()
    press(page, "files:import")
    assert page.success[0].value.startswith("Stored all 10 rows")
    assert stored(sqlite_engine, Lot) == 1


@pytest.mark.parametrize(
    ("uploads", "words"),
    [
        ([("notes.txt", b"hello", "text/plain")], "neither a folder nor a zip archive"),
        (files()[:2], "injections.csv not found"),
        ([*files(), files()[0]], "Two of the files have the same name"),
        ([("a.zip", b"x" * (UPLOAD_LIMITS.size + 1), "")], "larger"),
    ],
)
def test_what_cannot_be_read_is_said(
    page: AppTest, uploads: list[tuple[str, bytes, str]], words: str
) -> None:
    upload(page, uploads)
    assert words in texts(page)
    assert not page.table[1:]


def test_the_demonstration_takes_no_files_and_says_so_kindly(
    app_as: AppAs, sqlite_engine: Engine
) -> None:
    demo = a_clinic(sqlite_engine, "demo", is_demo=True)
    app = app_as(Role.DATA_MANAGER, sqlite_engine, PAGE, clinic_id=demo)
    assert "it takes no files" in app.info[0].value
    assert not app.file_uploader
    assert links(app).keys() >= {"Template", "Column dictionary"}


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.DATA_MANAGER])
def test_only_who_may_import_or_export_finds_the_page(
    app_as: AppAs, sqlite_engine: Engine, role: Role
) -> None:
    app = app_as(role, sqlite_engine)
    with pytest.raises(ValueError, match=r"files\.py"):
        app.switch_page(PAGE).run()


def test_an_export_is_pseudonymous_logged_and_fetched_once_by_its_maker(
    page: AppTest, sqlite_engine: Engine
) -> None:
    clinic = a_clinic(sqlite_engine)
    with saving(sqlite_engine) as db:
        an_identity(db, clinic, a_patient(db, clinic, pseudonym="P-0001"))
    assert not page.toggle
    press(page, "files:prepare")
    path = links(page)["Fetch the archive"]
    digest = page.code[0].value
    ((action, rows, detail),) = logged(sqlite_engine)
    assert (action, rows) == ("export", 1)
    assert digest in str(detail)
    me = state.actor().user_id
    assert fetched(path, me + 1) is None
    offer = fetched(path, me)
    assert offer is not None
    assert offer.name == f"north_{state.today().isoformat()}.zip"
    content = offer.content()
    assert fetched(path, me) is None
    assert read_files(content).content_digest == digest
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"Zzcanary" not in everything


def test_notes_need_the_right_a_reason_and_a_password_typed_lately(
    app_as: AppAs, sqlite_engine: Engine
) -> None:
    app = app_as(Role.DATA_MANAGER, sqlite_engine, PAGE, see_identity=True)
    app.toggle(key="files:free_text").set_value(True).run()
    assert app.button(key="files:prepare").disabled
    app.text_input(key="files:reason").set_value("asked by the ethics committee").run()
    assert not app.button(key="files:prepare").disabled
    with sqlite_engine.begin() as connection:
        connection.execute(
            sa.update(SignIn).values(verified_at=state.now() - dt.timedelta(minutes=6))
        )
    # The button was drawn before; the click comes after.
    press(app, "files:prepare")
    assert not logged(sqlite_engine)
    type_password(app, "not the password")
    assert "not right" in texts(app)
    type_password(app, PASSWORD)
    press(app, "files:prepare")
    action, _rows, detail = logged(sqlite_engine)[-1]
    assert action == "export"
    assert "free text: yes, reason: asked by the ethics committee" in str(detail)


def test_names_leave_only_with_the_right_to_export_them(
    app_as: AppAs, sqlite_engine: Engine
) -> None:
    clinic = a_clinic(sqlite_engine)
    with saving(sqlite_engine) as db:
        an_identity(db, clinic, a_patient(db, clinic))
    assert stored(sqlite_engine, PatientIdentity) == 1
    app = app_as(Role.DATA_MANAGER, sqlite_engine, PAGE, see_identity=True)
    app.toggle(key="files:identity").set_value(True).run()
    app.text_input(key="files:reason").set_value("transfer to the new clinic").run()
    press(app, "files:prepare")
    content = fetch(app, "Fetch the archive")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"Zzcanary" in archive.read("patients.csv")
    assert logged(sqlite_engine)[-1][0] == "export_identity"
