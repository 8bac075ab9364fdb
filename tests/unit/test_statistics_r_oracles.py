"""Agreement with R (survival, cmprsk, Epi, MASS) on the data of our own beside the script.

The stored output is what ``Rscript tests/oracles/r/statistics.R DATA OUTPUT`` printed; the test
marked ``r`` runs it again.
"""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path

import numpy as np
import pytest

from registry.statistics.comparisons import (
    fisher,
    newcombe,
    odds_ratio,
    rate_ratio,
    risk_ratio,
)
from registry.statistics.competing_risks import aalen_johansen, gray_test
from registry.statistics.log_rank import log_rank
from registry.statistics.proportions import clopper_pearson, wilson
from registry.statistics.rates import poisson_limits, rate_trend
from registry.statistics.survival import (
    count_by_day,
    kaplan_meier,
    kaplan_meier_by_patient,
    quantile,
)

ORACLE = Path(__file__).parents[1] / "oracles" / "r"
DATA, OUTPUT = ORACLE / "data", ORACLE / "output"
METHODS = (
    "kaplan_meier",
    "quantiles",
    "aalen_johansen",
    "tests_of_groups",
    "two_groups",
    "rate_trend",
)


def read(path: Path) -> dict[str, list[str]]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def numbers(path: Path) -> dict[str, np.ndarray]:
    return {name: np.array(column, dtype=float) for name, column in read(path).items()}


@pytest.fixture(scope="module")
def legs() -> dict[str, np.ndarray]:
    return {name: column.astype(int) for name, column in numbers(DATA / "legs.csv").items()}


def agrees(ours, theirs) -> bool:
    return np.allclose(ours, theirs, rtol=0, atol=1e-9)


def test_kaplan_meier(legs):
    expected = numbers(OUTPUT / "kaplan_meier.csv")
    curve = kaplan_meier(count_by_day(legs["day"], legs["event"]))
    assert np.array_equal(curve.days, expected["day"])
    assert np.array_equal(curve.at_risk, expected["at_risk"])
    assert np.array_equal(curve.events, expected["events"])
    for name in ("survival", "standard_error", "lower", "upper"):
        assert agrees(getattr(curve, name), expected[name]), name
    robust = kaplan_meier_by_patient(legs["day"], legs["event"], legs["patient"])
    assert agrees(robust.standard_error, expected["by_patient"])
    assert agrees(robust.lower, expected["lower_by_patient"])
    assert agrees(robust.upper, expected["upper_by_patient"])


def test_quantiles(legs):
    curve = kaplan_meier(count_by_day(legs["day"], legs["event"]))
    expected = numbers(OUTPUT / "quantiles.csv")
    for row, share in enumerate(expected["share"]):
        found = quantile(curve, share)
        assert found.value == expected["day"][row]
        assert found.interval.lower == expected["lower"][row]
        assert found.interval.upper == expected["upper"][row]


def test_aalen_johansen(legs):
    expected = numbers(OUTPUT / "aalen_johansen.csv")
    found = aalen_johansen(count_by_day(legs["day"], legs["event"]))
    assert np.array_equal(found.days, expected["day"])
    assert agrees(found.event_free, expected["event_free"])
    for cause in (1, 2):
        for name in ("incidence", "standard_error", "lower", "upper"):
            ours = getattr(found, name)[cause - 1]
            assert agrees(ours, expected[f"{name}_{cause}"]), (name, cause)


def test_tests_of_groups(legs):
    day, event, group = legs["day"], legs["event"], legs["group"]
    layer, patient = {"strata": legs["stratum"]}, {"patients": legs["patient"]}
    found = {
        "log_rank": log_rank(day, event, group),
        "log_rank strata": log_rank(day, event, group, **layer),
        "log_rank cause 1": log_rank(day, event, group, cause=1),
        "log_rank cause 2": log_rank(day, event, group, cause=2),
        "log_rank patients": log_rank(day, event, group, **patient),
        "log_rank patients strata": log_rank(day, event, group, **layer, **patient),
        "gray cause 1": gray_test(day, event, group, cause=1),
        "gray cause 2": gray_test(day, event, group, cause=2),
        "gray cause 1 strata": gray_test(day, event, group, cause=1, **layer),
        "gray cause 2 strata": gray_test(day, event, group, cause=2, **layer),
    }
    expected = read(OUTPUT / "tests_of_groups.csv")
    assert expected["test"] == list(found)
    for name, chi_square, df in zip(*expected.values(), strict=True):
        assert found[name].chi_square == pytest.approx(float(chi_square), abs=1e-9), name
        assert found[name].degrees_of_freedom == int(df), name


def test_two_groups():
    expected = numbers(OUTPUT / "two_groups.csv")
    table = tuple(expected[name] for name in ("x1", "n1", "x2", "n2"))
    limits = {
        "wilson": wilson(*table[:2]),
        "clopper_pearson": clopper_pearson(*table[:2]),
        "poisson": poisson_limits(table[0]),
        "newcombe": newcombe(*table),
    }
    for name, (lower, upper) in limits.items():
        assert agrees(lower, expected[f"{name}_lower"]), name
        assert agrees(upper, expected[f"{name}_upper"]), name
    assert agrees(fisher(*table)[0], expected["fisher_p"])
    for row, counts in enumerate(zip(*table, strict=True)):
        whole = tuple(int(each) for each in counts)
        for name, compare in (
            ("risk_ratio", risk_ratio),
            ("odds_ratio", odds_ratio),
            ("rate_ratio", rate_ratio),
        ):
            estimate = compare(*whole).estimate
            ours = (estimate.value, estimate.interval.lower, estimate.interval.upper)
            names = (name, f"{name}_lower", f"{name}_upper")
            theirs = tuple(expected[each][row] for each in names)
            assert ours == pytest.approx(theirs, rel=1e-9), (name, whole)


def test_rate_trend():
    months = numbers(DATA / "months.csv")
    expected = {name: column[0] for name, column in numbers(OUTPUT / "rate_trend.csv").items()}
    found = rate_trend(months["events"], months["sessions"])
    assert found.dispersion.ratio == pytest.approx(expected["dispersion"], abs=1e-9)
    assert found.estimate.interval.method == "negative_binomial"
    # Two optimisers of one likelihood stop at different points: five digits, far below the error.
    assert np.log(found.estimate.value) == pytest.approx(expected["slope"], abs=1e-5)
    assert found.over_dispersion == pytest.approx(expected["over_dispersion"], rel=1e-4)


@pytest.mark.r
def test_r_still_gives_the_stored_output(tmp_path):
    subprocess.run(
        ["Rscript", ORACLE / "statistics.R", DATA, tmp_path],
        check=True,
        capture_output=True,
        timeout=120,
    )
    assert sorted(each.stem for each in tmp_path.iterdir()) == sorted(METHODS)
    for method in METHODS:
        fresh, stored = read(tmp_path / f"{method}.csv"), read(OUTPUT / f"{method}.csv")
        assert list(fresh) == list(stored), method
        if method == "tests_of_groups":
            assert fresh.pop("test") == stored.pop("test")
        for name, column in fresh.items():
            ours, theirs = np.array(column, dtype=float), np.array(stored[name], dtype=float)
            assert agrees(ours, theirs), (method, name)
