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
from registry.statistics.proportions import clopper_pearson, jeffreys, wilson
from registry.statistics.rates import poisson_limits, rate_trend
from registry.statistics.survival import (
    count_by_day,
    kaplan_meier,
    kaplan_meier_by_patient,
    quantile,
)
from tests.agreement import agrees

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


def test_kaplan_meier(legs):
    expected = numbers(OUTPUT / "kaplan_meier.csv")
    curve = kaplan_meier(count_by_day(legs["day"], legs["event"]))
    assert np.array_equal(curve.days, expected["day"])
    assert np.array_equal(curve.at_risk, expected["at_risk"])
    assert np.array_equal(curve.events, expected["events"])
    for name in ("survival", "standard_error", "lower", "upper"):
        agrees("survival.kaplan_meier", "R survival", getattr(curve, name), expected[name])
    robust = kaplan_meier_by_patient(legs["day"], legs["event"], legs["patient"])
    ours = robust.standard_error, robust.lower, robust.upper
    names = "by_patient", "lower_by_patient", "upper_by_patient"
    theirs = [expected[name] for name in names]
    agrees("survival.kaplan_meier_by_patient", "R survival", ours, theirs)


def test_quantiles(legs):
    curve = kaplan_meier(count_by_day(legs["day"], legs["event"]))
    expected = numbers(OUTPUT / "quantiles.csv")
    for row, share in enumerate(expected["share"]):
        found = quantile(curve, share)
        ours = found.value, found.interval.lower, found.interval.upper
        theirs = [expected[name][row] for name in ("day", "lower", "upper")]
        agrees("survival.quantile", "R survival", ours, theirs)


def test_aalen_johansen(legs):
    expected = numbers(OUTPUT / "aalen_johansen.csv")
    found = aalen_johansen(count_by_day(legs["day"], legs["event"]))
    assert np.array_equal(found.days, expected["day"])
    method = "competing_risks.aalen_johansen"
    agrees(method, "R survival", found.event_free, expected["event_free"])
    for cause in (1, 2):
        for name in ("incidence", "standard_error", "lower", "upper"):
            ours = getattr(found, name)[cause - 1]
            agrees(method, "R survival", ours, expected[f"{name}_{cause}"])


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
        if name.startswith("gray"):
            agrees("competing_risks.gray_test", "R cmprsk", found[name].chi_square, chi_square)
        else:
            agrees("log_rank.log_rank", "R survival", found[name].chi_square, chi_square)
        assert found[name].degrees_of_freedom == int(df), name


def test_two_groups():
    expected = numbers(OUTPUT / "two_groups.csv")
    table = tuple(expected[name] for name in ("x1", "n1", "x2", "n2"))
    limits = {
        ("proportions.wilson", "R prop.test"): wilson(*table[:2]),
        ("proportions.clopper_pearson", "R binom.test"): clopper_pearson(*table[:2]),
        ("proportions.jeffreys", "R qbeta"): jeffreys(*table[:2]),
        ("rates.poisson_limits", "R poisson.test"): poisson_limits(table[0]),
        ("comparisons.newcombe", "R Epi ci.pd"): newcombe(*table),
    }
    for (method, oracle), ours in limits.items():
        name = method.split(".")[1].removesuffix("_limits")
        agrees(method, oracle, ours, [expected[f"{name}_{side}"] for side in ("lower", "upper")])
    agrees("comparisons.fisher", "R fisher.test", fisher(*table)[0], expected["fisher_p"])
    for row, counts in enumerate(zip(*table, strict=True)):
        whole = tuple(int(each) for each in counts)
        for compare, method, oracle in (
            (risk_ratio, "comparisons.risk_ratio_limits", "R Epi twoby2"),
            (odds_ratio, "comparisons.odds_ratio_limits", "R Epi twoby2"),
            (rate_ratio, "comparisons.rate_ratio_limits", "R poisson.test"),
        ):
            estimate, name = compare(*whole).estimate, compare.__name__
            ours = (estimate.value, estimate.interval.lower, estimate.interval.upper)
            names = (name, f"{name}_lower", f"{name}_upper")
            agrees(method, oracle, ours, [expected[each][row] for each in names])


def test_rate_trend():
    months = numbers(DATA / "months.csv")
    expected = {name: column[0] for name, column in numbers(OUTPUT / "rate_trend.csv").items()}
    found = rate_trend(months["events"], months["sessions"])
    agrees("rates.rate_trend", "R glm", found.dispersion.ratio, expected["dispersion"])
    assert found.estimate.interval.method == "negative_binomial"
    slope = np.log(found.estimate.value)
    agrees("rates.rate_trend", "R MASS glm.nb, slope", slope, expected["slope"])
    alpha = expected["over_dispersion"]
    agrees("rates.rate_trend", "R MASS glm.nb, dispersion", found.over_dispersion, alpha)


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
            assert np.allclose(ours, theirs, rtol=0, atol=1e-9), (method, name)
