"""Does every command do what its help says, and refuse in one plain sentence?"""

from __future__ import annotations

import csv
import functools
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import typer
from openpyxl import load_workbook
from pypdf import PdfReader
from sqlalchemy.engine import Engine

from registry import cli
from registry.analysis import reports
from registry.analysis.cohort import CohortFilter
from registry.analysis.colophon import digest
from registry.analysis.openable_counts import figures_of
from registry.analysis.periods import span_of
from registry.cli.console import database_url, today
from registry.database import make_engine, reading
from registry.operations.migration import command_line_actor
from registry.schema import AccessLog
from tests.made_up_clinic import fill as fill_clinic

ROOT = Path(__file__).parents[2]
Outcome = tuple[int, str, str]
Sclero = Callable[..., Outcome]
LEG = ("clinic", "add", "LEG", "--name", "Leg Clinic", "--jurisdiction", "EU")


@pytest.fixture
def sclero(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Sclero:
    """Run a command in an empty folder; gives exit code, output and what was said beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REGISTRY_DATABASE_URL", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr("sys.argv", ["sclero", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return run


@pytest.fixture
def clinic(sclero: Sclero, migrated_sqlite: Path, tmp_path: Path) -> Sclero:
    """The same, with a registry of one clinic."""
    (tmp_path / "data").mkdir()
    shutil.copy(migrated_sqlite, tmp_path / "data" / "registry.sqlite")
    assert sclero(*LEG, "--time-zone", "Europe/Berlin")[0] == 0
    return sclero


def commands(
    group: Any = None, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it."""
    group = group or typer.main.get_command(cli.app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def examples() -> list[str]:
    """Every line that begins with ``sclero`` in a help text or the documentation."""
    texts = [cli.sclero.__doc__ or "", *(command.help or "" for _, command in commands())]
    texts += [
        path.read_text(encoding="utf-8")
        for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
    ]
    lines = "\n".join(texts).split("\n")
    found = (re.match(r"\s*(?:python run\.py )?(sclero [a-z].*)", line) for line in lines)
    return sorted({line[1] for line in found if line})


def test_help_needs_none_of_the_heavy_libraries() -> None:
    heavy = "{'sqlalchemy', 'pandas', 'numpy', 'streamlit', 'alembic', 'rich'}"
    asked = subprocess.run(
        [sys.executable, "-c", f"import sys, registry.cli; print({heavy} & set(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert asked.stdout.strip() == "set()"


@pytest.mark.parametrize(("path", "command"), list(commands()), ids=str)
def test_help_says_what_a_command_does(path: tuple[str, ...], command: Any) -> None:
    assert command.help, path
    assert all(parameter.help for parameter in command.params), path


@pytest.mark.parametrize("example", examples())
def test_every_example_can_be_typed(example: str) -> None:
    command = typer.main.get_command(cli.app)
    words = shlex.split(example.split(" > ")[0].split("#")[0])[1:]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    if words != ["--help"]:
        command.make_context("sclero", words)


def test_there_are_examples_to_try() -> None:
    assert len(examples()) > 15


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("data/registry.sqlite", "sqlite:///data/registry.sqlite"),
        (" leg.sqlite ", "sqlite:///leg.sqlite"),
        ("sqlite:////var/leg.sqlite", "sqlite:////var/leg.sqlite"),
        ("postgresql://ada@db/leg", "postgresql://ada@db/leg"),
    ],
)
def test_a_bare_name_is_a_sqlite_file(given: str, address: str) -> None:
    assert database_url(given) == address


@pytest.mark.parametrize("given", ["", "mysql://db/leg", "sqlite://", "postgresql:///", "/proc"])
def test_what_names_no_database_is_refused(given: str, sclero: Sclero) -> None:
    code, _, said = sclero("report", "complications", "--database", given)
    assert code == 2
    assert "--database" in said


@pytest.mark.parametrize(
    ("arguments", "expected", "words"),
    [
        (["nonsense"], 2, "nonsense"),
        (["report", "complications", "--nonsense"], 2, "--nonsense"),
        (["report", "complications", "--from", "2026-13-01"], 2, "--from"),
        (["serve", "--port", "99999"], 2, "--port"),
        (["report", "complications"], 1, "sclero migrate"),
        (["user", "list"], 1, "sclero migrate"),
        (["audit", "verify"], 1, "no registry"),
        (["audit", "verify", "--anchor", "7"], 1, "anchor"),
        (["backup"], 1, "no registry"),
        (["doctor"], 1, ""),
        (["restore", "nowhere.sqlite"], 1, "manifest"),
        (["template", "."], 0, "README"),
        (["catalogue", "list", "shoes"], 1, "event_terms"),
        (["catalogue", "check", "nowhere"], 1, "Nothing was loaded"),
        (["report", "shoes"], 1, "migrate"),
        (["migrate", "--database", "/proc/registry.sqlite"], 1, "cannot be opened"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_told_in_plain_words(
    arguments: list[str], expected: int, words: str, sclero: Sclero
) -> None:
    code, _, said = sclero(*arguments)
    assert (code, words in said) == (expected, True), said


def test_a_fault_of_the_database_is_told_without_its_values(
    sclero: Sclero, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_url: str) -> None:
        raise sa.exc.OperationalError("INSERT", {"name": "Zzcanary"}, Exception("Zzcanary"))

    monkeypatch.setattr("registry.cli.upkeep.existing", fail)
    code, out, said = sclero("audit", "verify")
    assert code == 1
    assert "sclero doctor" in said
    assert "Zzcanary" not in out + said


def test_a_fault_of_the_program_stays_loud(sclero: Sclero, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_url: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("registry.cli.upkeep.existing", fail)
    with pytest.raises(ZeroDivisionError):
        sclero("audit", "verify")


def test_migrating_twice_changes_nothing(sclero: Sclero) -> None:
    assert "empty registry" in sclero("migrate")[2]
    assert "up to date" in sclero("migrate")[2]


def test_the_address_may_come_from_the_environment(
    sclero: Sclero, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REGISTRY_DATABASE_URL", f"sqlite:///{tmp_path / 'other.sqlite'}")
    assert sclero("migrate")[0] == 0
    assert (tmp_path / "other.sqlite").exists()


def test_nobody_comes_before_the_first_clinic(sclero: Sclero) -> None:
    assert sclero("migrate")[0] == 0
    for arguments in (
        ("user", "list"),
        ("user", "reset", "ada"),
        ("user", "add", "ada", "--name", "Ada", "--role", "administrator"),
        ("clinician", "add", "AD", "--name", "Ada"),
    ):
        code, _, said = sclero(*arguments)
        assert (code, "sclero clinic add" in said) == (1, True), said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*LEG, "--time-zone", "Europe/Berlin"), "already"),
        ((*LEG[:2], "B C", *LEG[3:], "--time-zone", "Europe/Berlin"), "code"),
        ((*LEG[:2], "B", *LEG[3:-1], "XX", "--time-zone", "Europe/Berlin"), "EU"),
        ((*LEG[:2], "B", *LEG[3:], "--time-zone", "Europe/Nowhere"), "time zone"),
    ],
)
def test_a_clinic_that_cannot_be_is_refused(
    arguments: tuple[str, ...], words: str, clinic: Sclero
) -> None:
    code, _, said = clinic(*arguments)
    assert (code, words in said) == (1, True), said
    assert clinic("clinic", "list")[1].count("Leg Clinic") == 1


def test_an_account_from_first_code_to_disabled(clinic: Sclero) -> None:
    add = ("user", "add", "ada", "--name", "Ada Doe", "--role", "administrator")
    code, out, _ = clinic(*add, "--see-records")
    assert code == 0
    assert re.fullmatch(r"[A-Z2-9]{4}(-[A-Z2-9]{4}){3}\n", out)
    listed = clinic("user", "list")[1]
    assert "administrator in LEG +records" in listed
    assert "no password yet" in listed
    assert clinic(*add)[0] == 1, "a name is never given twice"
    assert clinic("clinician", "add", "AD", "--name", "Dr Ada Doe", "--user", "ada")[0] == 0
    assert clinic("clinician", "add", "AD", "--name", "Dr Ada Doe")[0] == 1
    assert clinic("clinician", "add", "TR", "--name", "Tom", "--user", "tom")[0] == 1
    assert clinic("user", "grant", "ada", "--role", "clinician")[0] == 0
    assert "clinician in LEG" in clinic("user", "list")[1]
    assert clinic("user", "grant", "tom", "--role", "clinician")[0] == 1
    assert clinic("user", "reset", "ADA")[0] == 0
    assert clinic("user", "disable", "tom")[0] == 1
    clinic("user", "add", "tom", "--name", "Tom Roe", "--role", "practice_manager")
    assert clinic("user", "disable", "tom")[0] == 0
    assert "disabled" in clinic("user", "list")[1]
    assert clinic("user", "enable", "tom")[0] == 0


def test_a_clinic_decides_its_interval_and_recalls_a_lot(clinic: Sclero) -> None:
    interval = ("clinic", "set", "shortest_interval_days")
    assert clinic(*interval, "42", "--from", "2026-01-01")[0] == 0
    assert "42" in clinic("clinic", "settings")[1]
    for wrong in (("soon", "--from", "2026-01-01"), ("0", "--from", "2026-01-01"), ("42",)):
        assert clinic(*interval, *wrong)[0] != 0
    assert clinic(*interval, "default", "--from", "2026-01-01")[0] == 0
    assert "not set" in clinic("clinic", "settings")[1]
    recall = ("clinic", "recall-lot", "fibrovein", "12345")
    code, _, said = clinic(*recall, "--from", "2026-03-01")
    assert (code, "0 sessions of 0 patients" in said) == (0, True), said
    assert clinic(*recall, "--undo")[0] == 0
    assert clinic(*recall)[0] != 0
    assert clinic("clinic", "recall-lot", "snake_oil", "1", "--from", "2026-03-01")[0] == 1


def test_the_last_administrator_stays(clinic: Sclero) -> None:
    clinic("user", "add", "ada", "--name", "Ada Doe", "--role", "administrator")
    assert clinic("user", "disable", "ada")[0] == 1


def test_a_copy_goes_back_and_proves_itself(clinic: Sclero, tmp_path: Path) -> None:
    code, _, said = clinic("backup", "copies")
    assert code == 0
    anchor = said.split("Last seal: ")[1].strip()
    [copy] = (tmp_path / "copies").glob("*.sqlite")
    assert clinic("restore", str(copy), "--database", "again.sqlite")[0] == 0
    assert clinic("audit", "verify", "--anchor", anchor, "--database", "again.sqlite")[0] == 0
    assert clinic("doctor", "--backups", "copies")[0] == 0
    assert clinic("restore", str(copy))[0] == 1, "a registry is never overwritten"


def test_what_was_changed_behind_the_back_is_found(clinic: Sclero) -> None:
    engine = make_engine("sqlite:///data/registry.sqlite")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_clinic_update")
        connection.exec_driver_sql("UPDATE clinic SET name = 'Other'")
    engine.dispose()
    code, out, _ = clinic("audit", "verify")
    assert code == 1
    assert "clinic" in out
    assert "NOT whole" in out
    assert json.loads(clinic("audit", "verify", "--json")[1])["whole"] is False
    assert clinic("doctor")[0] == 1
    assert clinic("report", "complications")[0] == 1


ROWS = {
    "patients.csv": [
        {"patient_key": "P1", "enrolled_on": "2026-01-05"},
        {"patient_key": "P2", "enrolled_on": "2026-01-05"},
    ],
    "sessions.csv": [
        {"session_key": "S1", "patient_key": "P1", "treated_on": "2026-01-05"},
        {"session_key": "S2", "patient_key": "P2", "treated_on": "2026-01-06"},
    ],
    "injections.csv": [
        {"session_key": "S1", "product_code": "aethoxysklerol", "form": "liquid"},
        {
            "session_key": "S2",
            "product_code": "aethoxysklerol",
            "form": "foam",
            "lot_number": "L1",
            "expires_on": "2025-12-31",
        },
    ],
}


def fill(folder: Path) -> None:
    """Write two patients with a session each into a template; the second got an expired lot."""
    for name, rows in ROWS.items():
        header = (folder / name).read_text(encoding="utf-8-sig").strip().split(",")
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, header)
            writer.writeheader()
            writer.writerows(rows)


def test_records_go_out_and_come_back(clinic: Sclero, tmp_path: Path) -> None:
    clinic("template", "mine")
    assert clinic("import", "mine", "--dry-run")[0] == 1, "an empty template holds nothing"
    fill(tmp_path / "mine")
    code, out, said = clinic("import", "mine")
    assert (code, "confirm" in out, "--accept lot_not_expired" in said) == (1, True, True)
    mine = ("import", "mine", "--accept", "lot_not_expired")
    assert "6 rows would be stored" in clinic(*mine, "--dry-run")[2]
    code, out, _ = clinic(*mine, "--json")
    assert (code, json.loads(out)["stored"]["sessions.csv"]) == (0, 2)
    assert "Nothing new" in clinic(*mine)[2]
    assert clinic("export", "out.zip")[0] == 0
    assert clinic("export", "out.zip")[0] == 1, "an export is never overwritten"
    clinic(*LEG[:2], "TWO", *LEG[3:], "--time-zone", "Europe/Berlin")
    code, _, said = clinic("import", "out.zip")
    assert (code, "--clinic" in said) == (1, True)
    assert clinic("import", "out.zip", "--clinic", "TWO", "--accept", "lot_not_expired")[0] == 0


def test_a_file_that_is_not_the_template_is_refused_whole(clinic: Sclero, tmp_path: Path) -> None:
    clinic("template", "mine")
    fill(tmp_path / "mine")
    (tmp_path / "mine" / "patients.csv").write_text("patient,born\nP1,5/1/26\n", encoding="utf-8")
    code, out, said = clinic("import", "mine")
    assert (code, "patients.csv" in out, "must be put right" in said) == (1, True, True)
    assert clinic("report", "complications")[1].count("No sessions") == 1


def test_a_report_is_printed_in_the_language_asked_for(
    clinic: Sclero, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Komplikationen" in clinic("report", "complications", "--language", "de")[1]
    assert "Complications" in clinic("report", "complications")[1]
    monkeypatch.setenv("SCLERO_LANGUAGE", "de")
    assert "Komplikationen" in clinic("report", "complications")[1]
    monkeypatch.setenv("SCLERO_LANGUAGE", "fr")
    code, _, said = clinic("report", "complications")
    assert code == 2
    assert "'fr' is not one of 'en', 'de'" in said


@pytest.mark.parametrize("name", reports.QUESTIONS)
def test_a_report_has_three_faces(name: str, clinic: Sclero) -> None:
    code, out, _ = clinic("report", name)
    assert (code, "Data as of" in out) == (0, True)
    assert json.loads(clinic("report", name, "--format", "json")[1])["report"] == name
    for grouping in reports.QUESTIONS[name].groupings[:3]:
        code, out, _ = clinic("report", name, "--by", grouping, "--format", "csv")
        assert code == 0
    assert clinic("report", name, "--by", "shoe")[0] == 1


def test_nothing_leaves_for_sharing_before_a_year_is_closed(clinic: Sclero) -> None:
    code, _, said = clinic("report", "complications", "--by", "form", "--share")
    assert (code, "No calendar year" in said) == (1, True)


def test_the_command_line_and_the_library_agree(clinic: Sclero) -> None:
    printed = json.loads(clinic("report", "complications", "--format", "json")[1])
    engine = make_engine("sqlite:///data/registry.sqlite")
    answer = reports.report(
        engine, command_line_actor(engine), "complications", CohortFilter(), today=today()
    )
    engine.dispose()
    taken = printed.pop("taken")
    assert printed == json.loads(json.dumps(answer.to_dict()))
    assert taken["data_hash"] == digest(answer.to_rows())


@pytest.fixture
def treated(clinic: Sclero) -> Iterator[Engine]:
    """The database of the command line, with treated patients."""
    engine = make_engine("sqlite:///data/registry.sqlite")
    fill_clinic(engine, 1, 40)
    yield engine
    engine.dispose()


def in_bytes(run: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What a command writes where a file is wanted."""
    written = io.BytesIO()
    monkeypatch.setattr("typer.get_binary_stream", lambda _name: written)
    run()
    return written.getvalue()


def test_a_workbook_and_a_csv_hold_what_is_printed(
    clinic: Sclero, treated: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = json.loads(clinic("report", "complications", "--by", "form", "--format", "json")[1])
    made = {
        format_: in_bytes(
            functools.partial(
                clinic, "report", "complications", "--by", "form", "--format", format_
            ),
            monkeypatch,
        )
        for format_ in ("csv", "xlsx")
    }
    rows = list(csv.DictReader(io.StringIO(made["csv"].decode())))
    sheet = load_workbook(io.BytesIO(made["xlsx"]))["Table"]
    header, *lines = sheet.iter_rows(values_only=True)
    events = [row["numerator"] for row in [printed["total"], *printed["rows"]]]
    assert [int(row["numerator"]) for row in rows] == events
    assert [line[header.index("numerator")] for line in lines] == events
    assert {row["data_hash"] for row in rows} == {printed["taken"]["data_hash"]}
    with reading(treated) as db:
        log = db.execute(sa.select(AccessLog.action, AccessLog.detail)).all()
    assert [row.action for row in log] == ["download_table"] * 3
    assert all(printed["taken"]["data_hash"] in row.detail for row in log)


@pytest.mark.parametrize(
    ("report", "by", "group"),
    [("complications", "form", "foam"), ("recurrence", "form", "liquid")],
)
def test_the_records_behind_a_count_are_as_many_as_it_says(
    clinic: Sclero, treated: Engine, report: str, by: str, group: str
) -> None:
    engine_answer = reports.report(
        treated, command_line_actor(treated), report, CohortFilter(), today=today(), group_by=by
    )
    for measure in ("assessed", "events" if report == "complications" else "success"):
        arguments = ("report", report, "--by", by, "--behind", f"{group}:{measure}")
        code, out, _ = clinic(*arguments, "--format", "json")
        listed = json.loads(out)
        assert (code, listed["count"]) == (0, figures_of(engine_answer)[group, measure])
        assert len(listed["records"]) == listed["count"]
    assert clinic("report", report, "--behind", "total:nonsense")[0] == 1
    assert clinic(*arguments, "--format", "xlsx")[0] == 2


def test_a_report_is_printed(
    clinic: Sclero, treated: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("complications", "clinic_report"):
        pdf = in_bytes(functools.partial(clinic, "report", name, "--format", "pdf"), monkeypatch)
        said = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
        assert "Command line" in said
    assert clinic("report", "clinic_report")[0] == 2
    with reading(treated) as db:
        log = db.execute(sa.select(AccessLog.action, AccessLog.detail)).all()
    assert [row.action for row in log] == ["download_report"] * 2
    assert [row.detail.partition(";")[0] for row in log] == [
        "complications.pdf",
        "clinic_report.pdf",
    ]


def test_a_period_is_frozen_shown_and_withdrawn(
    clinic: Sclero, treated: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze = ("period", "freeze", "Last year", "--period", "last_year")
    assert clinic(*freeze)[0] == 0
    assert clinic(*freeze)[0] == 1, "a period is never overwritten"
    assert "Last year" in clinic("period", "list")[1]
    show = ("period", "show", "Last year")
    code, out, _ = clinic(*show)
    assert (code, "Nothing has changed since" in out) == (0, True)
    kept = json.loads(clinic(*show, "--format", "json")[1])
    assert {result["name"] for result in kept["results"]} >= {"complications", "recurrence"}
    pdf = in_bytes(functools.partial(clinic, *show, "--format", "pdf"), monkeypatch)
    assert "Report of the clinic: Last year" in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    assert clinic(*show, "--format", "csv")[0] == 2
    assert clinic("period", "show", "Nothing")[0] == 1
    assert clinic("period", "void", "Last year", "--reason", " ")[0] == 1
    assert clinic("period", "void", "Last year", "--reason", "Wrong year")[0] == 0
    for days in (
        (),
        ("--from", "2026-01-01"),
        ("--period", "last_year", "--to", "2026-01-01"),
    ):
        assert clinic("period", "freeze", "Days", *days)[0] == 2
    assert clinic("period", "freeze", "Now", "--period", "this_year")[0] == 1


def test_a_figure_is_drawn_into_a_file(clinic: Sclero, treated: Engine, tmp_path: Path) -> None:
    for name in ("rates.png", "rates.svg"):
        code, _, said = clinic("report", "complications", "--by", "form", "--figure", name)
        assert (code, name in said) == (0, True)
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")
    assert "Taken by Command line" in (tmp_path / "rates.svg").read_text(encoding="utf-8")
    assert clinic("report", "complications", "--figure", "rates.gif")[0] == 2
    code, _, said = clinic("report", "complications", "--figure", "nowhere/rates.png")
    assert (code, "Check the folder" in said) == (1, True)


def test_a_picture_is_drawn_by_its_name(clinic: Sclero, treated: Engine, tmp_path: Path) -> None:
    for report, picture in (("complications", "asked"), ("follow_up", "visits")):
        file = f"{picture}.svg"
        code, _, said = clinic("report", report, "--figure", file, "--picture", picture)
        assert (code, file in said) == (0, True)
        assert (tmp_path / file).read_text(encoding="utf-8").startswith("<svg")
    code, _, said = clinic("report", "event_course", "--figure", "a.png", "--picture", "severity")
    assert (code, "It has: onset, duration." in said) == (1, True)
    code, _, said = clinic("report", "claims", "--figure", "a.png", "--picture", "claims")
    assert (code, "It has: none." in said) == (1, True)
    assert clinic("report", "complications", "--picture", "asked")[0] == 2


@pytest.mark.parametrize("name", ["complications", "recurrence", "data_quality", "clinic_report"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--from", "2026-06-01", "--to", "2026-01-01"], "--from 2026-06-01 is after --to 2026-01"),
        (["--clinic", "NONE"], "--clinic: There is no clinic 'NONE'. There are: LEG."),
        (["--event", "shoes"], "--event: "),
    ],
)
def test_a_question_that_cannot_be_is_refused_by_every_report(
    name: str, options: list[str], words: str, clinic: Sclero
) -> None:
    code, out, said = clinic("report", name, *options)
    assert (code, out) == (2, "")
    assert words in said


def test_a_period_goes_by_its_name(clinic: Sclero, treated: Engine) -> None:
    def filter_of(*arguments: str) -> dict[str, str]:
        out = clinic("report", "complications", "--format", "json", *arguments)[1]
        found: dict[str, str] = json.loads(out)["filter"]
        return found

    start, end = span_of("last_year", today())
    assert start is not None
    assert end is not None
    expected = {"from": start.isoformat(), "to": end.isoformat()}
    assert filter_of("--period", "last_year") == expected
    assert filter_of("--from", expected["from"], "--to", expected["to"]) == expected
    code, _, said = clinic("report", "complications", "--period", "ever")
    assert (code, "last_quarter" in said) == (1, True)
    code, _, said = clinic("report", "complications", "--period", "last_year", "--to", "2026-01-01")
    assert (code, "not both" in said) == (2, True)


def test_a_figure_of_nothing_is_not_drawn(clinic: Sclero) -> None:
    code, _, said = clinic("report", "complications", "--figure", "rates.png")
    assert (code, "nothing to draw" in said) == (1, True)
