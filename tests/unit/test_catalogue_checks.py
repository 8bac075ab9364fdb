"""A catalogue file with a fault is refused, by file, line and rule."""

import csv
import shutil
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from registry.catalogue import load_catalogue
from registry.errors import CatalogueError

Edit = Callable[[list[dict[str, str]]], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with as_file(files("registry.catalogue").joinpath("data")) as shipped:
        return Path(shutil.copytree(shipped, tmp_path / "data"))


def edit(folder: Path, file: str, change: Edit) -> None:
    with (folder / file).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    change(rows)
    with (folder / file).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def setting(code: str, /, **cells: str) -> Edit:
    def change(rows: list[dict[str, str]]) -> None:
        row = next(row for row in rows if row["code"] == code)
        row.update(cells)

    return change


def refusal(folder: Path) -> str:
    with pytest.raises(CatalogueError) as refused:
        load_catalogue(folder)
    return str(refused.value)


def test_an_unchanged_copy_is_accepted(folder: Path) -> None:
    assert load_catalogue(folder).version == (folder / "version.txt").read_text().strip()


FAULTS = [
    ("products", "asclera", {"provenance": ""}, "provenance is missing"),
    ("products", "asclera", {"source": ""}, "provenance label needs a source"),
    ("products", "asclera", {"source": "nowhere"}, "source 'nowhere' is not in sources.csv"),
    ("products", "asclera", {"source": "guex_2005"}, "does not fit a source of kind study"),
    ("products", "asclera", {"forms": "liquid; gel"}, "forms must be one of: liquid, foam"),
    ("products", "asclera", {"has_label": "true"}, "has_label must be yes or no"),
    ("products", "asclera", {"has_label": "no"}, "labelled_forms exactly if it has a label"),
    ("products", "varithena", {"labelled_forms": "liquid"}, "must be among forms"),
    ("products", "varithena", {"strengths_percent": "1; 3"}, "ready-made foam has one strength"),
    ("products", "glycerin_generic", {"reason": ""}, "our decision needs a reason"),
    ("products", "glycerin_generic", {"decided_on": ""}, "our decision needs a reason"),
    ("products", "glycerin_generic", {"decided_on": "2999-01-01"}, "raise that date"),
    ("products", "glycerin_generic", {"decided_on": "23.11.2026"}, "must be a day written like"),
    ("products", "glycerin_generic", {"sclerosant_code": "glyc"}, "is not in sclerosants.csv"),
    ("products", "glycerin_generic", {"code": "Glycerin generic"}, "small letters, digits"),
    ("products", "glycerin_generic", {"code": "g" * 65}, "longer than 64"),
    ("products", "glycerin_generic", {"code": "asclera"}, "stands on an earlier line"),
    ("products", "glycerin_generic", {"label": "g" * 201}, "longer than 200"),
    ("products", "glycerin_generic", {"provenance": "hearsay"}, "provenance must be one of"),
    ("scales", "clearance_percent", {"success_at": "101"}, "outside the scale"),
    ("scales", "clearance_percent", {"minimum": "100"}, "minimum must be below maximum"),
    ("instrument_items", "satisfaction", {"minimum": "4"}, "minimum must be below maximum"),
    ("scales", "clearance_percent", {"maximum": "NaN"}, "must be a number"),
    ("scales", "clearance_percent", {"maximum": "100 %"}, "must be a number"),
    ("dose_limits", "asclera_session", {"product_code": "asclra"}, "is not in products.csv"),
    ("dose_limits", "asclera_session", {"limit": "0"}, "limit must be above 0"),
    ("dose_limits", "asclera_session", {"strength_percent": "2"}, "not a strength of the product"),
    ("dose_limits", "asclera_session", {"provenance": "not_established", "note": "?"},
     "a limit comes from a label or a paper"),
    ("dose_limits", "asclera_anaphylaxis", {"level": "confirm"}, "limits the same thing"),
    ("contraindications", "asclera_allergy_to_agent", {"condition": "flu"}, "not in conditions"),
    ("visits", "safety_2w", {"to_day": "13"}, "in the order from_day, due_day, to_day"),
    ("counting_windows", "early", {"assessed_at_visit": "safety_2w"}, "due before the window ends"),
    ("event_terms", "stroke", {"counting_window_days": "29"}, "no row of counting_windows.csv"),
    ("event_terms", "hyperpigmentation", {"in_composite": "yes"}, "longer window than the"),
    ("event_terms", "skin_necrosis", {"typical_onset_from_days": "15"}, "ends before it begins"),
    ("event_terms", "any_incident", {"code": "some_incident"}, "): the row is missing"),
    ("event_terms", "stroke", {"code": "strok"}, "term_codes 'stroke' is not in event_terms.csv"),
    ("benchmarks", "guex_any", {"x": "12174"}, "x is greater than n"),
    ("benchmarks", "guex_any", {"x": "0.4 %"}, "percentages are derived, never typed"),
    ("benchmarks", "guex_any", {"x": ""}, "x is missing"),
    ("benchmarks", "guex_any", {"x": "0", "n": "0"}, "n must be above 0"),
    ("benchmarks", "guex_any", {"window_days": ""}, "use display_only"),
    ("composites", "necrosis_30d", {"families": "pigmentation"}, "no event term with a window as"),
    ("composites", "necrosis_30d", {"only_serious": "yes"}, "not of both"),
    ("indicators", "necrosis", {"outcome": "necroses"}, "is in neither event_terms.csv nor"),
    ("indicators", "necrosis", {"old_enough_days": "7"}, "given exactly if the measure needs it"),
    ("indicators", "follow_up", {"visit_code": "check"}, "is not in visits.csv"),
    ("indicators", "recurrence", {"default_target": "101"}, "lies between 0 and 100"),
    ("benchmarks", "guex_any", {"composite": "any"}, "is not in composites.csv"),
    ("benchmarks", "guex_any", {"provenance": "not_established"}, "comes from a paper"),
    ("benchmarks", "guex_any", {"source": "patient_article"}, "popular article supports no row"),
    ("claims", "permanent", {"note": ""}, "needs a note"),
    ("leaflet_outcomes", "allergy", {"outcome": "hives"}, "is in neither event_terms.csv nor"),
    ("leaflet_outcomes", "allergy", {"benchmark": "bradbury_vte"}, "or frequency_of, not both"),
    ("leaflet_outcomes", "allergy", {"frequency_of": "infection"}, "has no frequency of liquid"),
    ("leaflet_outcomes", "deep_clot", {"benchmark": "guex_severe"}, "does not count patients"),
    ("leaflet_outcomes", "sore_vein", {"note": ""}, "needs a note that says why"),
    ("strength_guides", "asclera_label_reticular", {"from_mm": "3"}, "from_mm must be below"),
    ("strength_guides", "fibrovein_guide_above_5", {"strength_to_percent": "0.5"}, "in order"),
    ("strength_guides", "asclera_label_spider", {"product_code": "glycerin_generic"}, "a label"),
    ("safety_rules", "absolute_allergy", {"condition": "flu"}, "is not in conditions.csv"),
    ("safety_rules", "interval_asclera", {"days": ""}, "a rule of this kind needs days"),
    ("safety_rules", "reaction_allergy", {"terms": ""}, "a rule of this kind needs terms"),
    ("safety_rules", "reaction_allergy", {"terms": "hives"}, "is not in event_terms.csv"),
    ("safety_rules", "reaction_allergy", {"shared": "mood"}, "must be one of: agent, form, any"),
    ("safety_rules", "lot_recalled", {"kind": "lot_expired"}, "(lot_recalled): no rule of this"),
    ("safety_rules", "lot_recalled", {"valid_from": ""}, "valid_from is missing"),
    ("clinic_settings", "shortest_interval_days", {"minimum": "365"}, "must be below maximum"),
    ("clinic_settings", "shortest_interval_days", {"default": "0"}, "outside the range"),
    ("clinic_settings", "shortest_interval_days", {"code": "a:b:c"}, "small letters, digits"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "code", "cells", "rule"), FAULTS)
def test_a_faulty_row_is_refused(
    folder: Path, table: str, code: str, cells: dict[str, str], rule: str
) -> None:
    edit(folder, f"{table}.csv", setting(code, **cells))
    assert rule in refusal(folder)


def test_the_message_names_file_line_and_row(folder: Path) -> None:
    edit(folder, "benchmarks.csv", setting("guex_any_liquid", x="5435"))
    assert "benchmarks.csv, line 3 (guex_any_liquid): x is greater than n" in refusal(folder)


def test_all_faults_are_named_at_once(folder: Path) -> None:
    edit(folder, "benchmarks.csv", setting("guex_any", x="5435000"))
    edit(folder, "visits.csv", setting("photo_12w", from_day="85"))
    message = refusal(folder)
    assert "(guex_any)" in message
    assert "(photo_12w)" in message


def test_a_column_for_percentages_is_refused(folder: Path) -> None:
    def add_column(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row["percent"] = "0.4"

    edit(folder, "benchmarks.csv", add_column)
    assert "column 'percent' is not known" in refusal(folder)


def test_a_source_of_the_same_code_is_refused(folder: Path) -> None:
    edit(folder, "sources.csv", setting("maas", code="guex_2005"))
    assert "(guex_2005): the code stands on an earlier line" in refusal(folder)


def test_a_limit_may_follow_another_on_the_next_day(folder: Path) -> None:
    def replace(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row["valid_until"] = ""
        old = next(row for row in rows if row["code"] == "sotradecol_session")
        old["valid_until"] = "2026-12-31"
        rows.append(old | {"code": "sotradecol_2027", "limit": "8", "valid_from": "2027-01-01"})
        rows[-1]["valid_until"] = ""

    edit(folder, "dose_limits.csv", replace)
    assert load_catalogue(folder).dose_limits["sotradecol_2027"].limit == 8
    edit(folder, "dose_limits.csv", setting("sotradecol_2027", valid_from="2026-12-31"))
    assert "limits the same thing on the same days" in refusal(folder)


def test_a_limit_cannot_end_before_it_begins(folder: Path) -> None:
    def end_early(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row["valid_until"] = "1999-12-31"

    edit(folder, "dose_limits.csv", end_early)
    assert "valid_until is before valid_from" in refusal(folder)


def without_item(checklist: str, term: str) -> Edit:
    def change(rows: list[dict[str, str]]) -> None:
        rows[:] = [r for r in rows if (r["checklist"], r["term"]) != (checklist, term)]

    return change


@pytest.mark.parametrize(
    ("checklist", "term"),
    [
        ("standard_6_8w", "stroke"),
        ("standard_26w", "hyperpigmentation"),
        ("early_14d", "anaphylaxis"),
        ("any_incident_open", "stroke"),
        ("early_14d", "any_incident"),
    ],
)
def test_a_checklist_must_ask_for_what_it_assesses(folder: Path, checklist: str, term: str) -> None:
    edit(folder, "checklist_items.csv", without_item(checklist, term))
    assert f"({checklist}): does not ask for {term}" in refusal(folder)


def test_a_checklist_asks_once(folder: Path) -> None:
    def twice(rows: list[dict[str, str]]) -> None:
        rows.append(rows[0])

    edit(folder, "checklist_items.csv", twice)
    assert "(early_14d): asks twice for any_incident" in refusal(folder)


def test_items_need_a_checklist(folder: Path) -> None:
    def stray(rows: list[dict[str, str]]) -> None:
        rows.append({"checklist": "early_14d", "version": "2", "term": "any_incident"})

    edit(folder, "checklist_items.csv", stray)
    assert "version 2 is not in checklists.csv" in refusal(folder)


def test_an_older_version_of_a_checklist_stays_readable(folder: Path) -> None:
    def renumber(rows: list[dict[str, str]]) -> None:
        for row in rows:
            if row.get("code", row.get("checklist")) == "early_14d":
                row["version"] = "2"

    def add_first_version(rows: list[dict[str, str]]) -> None:
        old = dict(rows[0])
        old["version"] = "1"
        rows.insert(0, old)

    def add_first_items(rows: list[dict[str, str]]) -> None:
        rows.insert(0, {"checklist": "early_14d", "version": "1", "term": "any_incident"})

    for change in (renumber, add_first_version):
        edit(folder, "checklists.csv", change)
    for change in (renumber, add_first_items):
        edit(folder, "checklist_items.csv", change)
    loaded = load_catalogue(folder)
    assert loaded.checklists["early_14d"].version == 2
    assert loaded.checklist_versions["early_14d", 1].term_codes == ("any_incident",)


def test_retired_rows_no_longer_limit_or_forbid(folder: Path) -> None:
    def retire(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row["status"] = "retired"

    edit(folder, "dose_limits.csv", retire)
    edit(folder, "contraindications.csv", retire)
    loaded = load_catalogue(folder)
    assert loaded.dose_limits
    assert not loaded.established_limit("sotradecol")
    limit = loaded.dose_limits["sotradecol_session"]
    form = loaded.products["sotradecol"].labelled_forms[0]
    assert loaded.limits_for("sotradecol", form, limit.limit, limit.valid_from) == ()
    assert loaded.contraindications_for("sotradecol", form, limit.valid_from) == ()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("code,label\nthigh\n", "has 1 cells and the header 2"),
        ('code,label\n"thigh"x,1\n', "is not CSV"),
        ("code\xe9", "not UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused(folder: Path, text: str, rule: str) -> None:
    (folder / "anatomy.csv").write_text(text, encoding="latin-1")
    message = refusal(folder)
    assert "anatomy.csv" in message
    assert rule in message


def test_a_missing_file_is_refused(folder: Path) -> None:
    (folder / "claims.csv").unlink()
    assert "claims.csv is missing" in refusal(folder)


@pytest.mark.parametrize("text", [None, "spring 2026"])
def test_the_catalogue_needs_its_date(folder: Path, text: str | None) -> None:
    (folder / "version.txt").unlink()
    if text is not None:
        (folder / "version.txt").write_text(text)
    assert "version.txt" in refusal(folder)
