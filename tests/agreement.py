"""With what each statistical method must agree, how closely, and why so closely.

Tests compare through :func:`agrees`, which remembers the largest difference it saw.
``python -m benchmarks.validation`` runs them and writes ``docs/validation-statistics.md``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

FLOOR = 1e-3
"""Relative differences are taken from the oracle's value, or from this where that is smaller."""


@dataclass(frozen=True, slots=True)
class Claim:
    """``method`` (module.function) agrees with ``oracle`` to within ``tolerance``, for a reason."""

    method: str
    oracle: str
    tolerance: float
    why: str
    relative: bool = False


ROUNDING = "the same closed form: rounding of doubles"
INVERSE = "another inverse of the same function: both stop near the last digits"
SHARED = "the same special function below: shows the arguments to be right"
TERMS = "logarithms of factorials of thousands lose three digits"
WRITTEN_OUT = "the definition written out in the test: rounding of doubles"
VARIANCES = "variances, since the root of one near 0 enlarges its rounding"
TWO_FITS = "two optimisers of one likelihood stop at different points, far within the error"
RUNS = "four standard errors of the mean of the simulated runs"
FITTED = "both fits iterate until the deviance stands still"


def printed(decimals: int) -> tuple[float, str]:
    """Half a unit of the last of ``decimals``, with what decimal fractions lose in binary."""
    places = (
        f"{decimals} decimals" if decimals > 1 else "1 decimal" if decimals else "whole numbers"
    )
    return 0.5 * 10.0**-decimals * (1 + 1e-9), f"printed with {places}"


SOURCES = {
    "proportions.wilson": "Wilson 1927",
    "proportions.clopper_pearson": "Clopper & Pearson 1934",
    "proportions.jeffreys": "Brown, Cai & DasGupta 2001",
    "proportions.zero_event_bound": "Hanley & Lippman-Hand 1983",
    "proportions.rule_of_three": "Eypasch 1995",
    "rates.poisson_limits": "Garwood 1936",
    "rates.rate_limits": "Garwood 1936",
    "rates.dispersion": "Pearson's chi squared over its degrees of freedom",
    "rates.rate_trend": "Poisson and NB2 regression, exposure as offset",
    "comparisons.newcombe": "Newcombe 1998, method 10",
    "comparisons.risk_ratio_limits": "Katz 1978",
    "comparisons.odds_ratio_limits": "Woolf 1955",
    "comparisons.rate_ratio_limits": "binomial given the sum; Clopper & Pearson 1934",
    "comparisons.fisher": "Fisher 1935",
    "comparisons.binomial_exact_p": "twice the smaller exact tail",
    "comparisons.against_fixed_benchmark": "exact binomial test, mid-p of Lancaster 1961",
    "clustering.linearised_variance": "Liang & Zeger 1986",
    "clustering.clustered_proportion": "Wilson 1927 at n / design effect; Korn & Graubard 1998",
    "clustering.intraclass_correlation": "analysis of variance; Fisher 1925",
    "clustering.compare_groups": "Zou 2004; Liang & Zeger 1986",
    "means.clustered_mean": "linearised variance of a ratio of sums; Student 1908",
    "means.amount_per_success": "Fieller 1954",
    "group_difference.clustered_difference": "Newcombe 1998, at n / design effect and for pairs",
    "group_difference.pseudo_values": "Andersen, Klein & Rosthøj 2003; infinitesimal jackknife",
    "group_difference.modelled_difference": "modified least squares; Cheung 2007",
    "survival.kaplan_meier": "Kaplan & Meier 1958; Greenwood 1926; log-log limits",
    "survival.kaplan_meier_by_patient": "infinitesimal jackknife; Ying & Wei 1994",
    "survival.landmark": "Kaplan & Meier 1958; exact bound without events",
    "survival.landmark_difference": "independent curves: squared errors add",
    "survival.quantile": "Brookmeyer & Crowley 1982 on the log-log scale",
    "survival.median_follow_up": "Schemper & Smith 1996",
    "competing_risks.aalen_johansen": "Aalen & Johansen 1978; multinomial Greenwood variance",
    "competing_risks.aalen_johansen_by_patient": "infinitesimal jackknife by patient",
    "competing_risks.gray_test": "Gray 1988",
    "log_rank.log_rank": "Mantel 1966; by patient Lin & Wei 1989",
    "exact_tails.binomial_upper_tail": "incomplete beta function",
    "exact_tails.binomial_lower_tail": "incomplete beta function",
    "exact_tails.poisson_upper_tail": "incomplete gamma function",
    "exact_tails.poisson_lower_tail": "incomplete gamma function",
    "exact_tails.binomial_mid_p": "Lancaster 1961",
    "exact_tails.poisson_mid_p": "Lancaster 1961",
    "control_charts.p_chart": "Shewhart 1931; exact binomial limits",
    "control_charts.u_chart": "Shewhart 1931; exact Poisson limits",
    "control_charts.sigma_z": "Laney 2002",
    "control_charts.laney_p_chart": "Laney 2002",
    "control_charts.g_chart": "Benneyan 2001; geometric quantiles",
    "control_charts.t_chart": "Nelson 1994; exponential quantiles",
    "control_charts.xmr_chart": "Shewhart 1931; Wheeler & Chambers 1992",
    "cusum.scores": "Steiner, Cook, Farewell & Treasure 2000",
    "cusum.cusum": "Steiner, Cook, Farewell & Treasure 2000",
    "cusum.vlad": "Lovegrove 1997",
    "cusum.average_run_length": "Brook & Evans 1972, moves split between neighbouring states",
    "funnel.binomial_limits": "Spiegelhalter 2005, A.1.1",
    "funnel.ratio_limits": "Spiegelhalter 2005, A.1.1",
    "funnel.adjusted_limits": "Spiegelhalter 2005",
    "funnel.dispersion": "Spiegelhalter 2005; DerSimonian & Laird 1986",
    "funnel.funnel": "exact tails; Benjamini & Hochberg 1995",
    "funnel.ratio_funnel": "exact Poisson tails",
    "standardisation.observed_over_expected": "Ulm 1990",
    "standardisation.byar_limits": "Breslow & Day 1987, eq. 2.13",
    "standardisation.standardise": "indirect standardisation; Breslow & Day 1987",
    "standardisation.fit_risk_model": "logistic regression; Firth 1993",
    "standardisation.area_under_curve": "Hanley & McNeil 1982",
    "standardisation.brier_score": "Brier 1950",
    "standardisation.calibration": "Cox 1958",
    "shrinkage.moment_estimate": "Gelman et al., Bayesian Data Analysis, 5.1",
    "shrinkage.beta_binomial": "Griffiths 1973",
    "shrinkage.gamma_poisson": "Clayton & Kaldor 1987",
    "signals.stratified_expected": "indirect standardisation",
    "signals.empirical_bayes": "DuMouchel 1999",
    "signals.information_component": "Norén, Hopstadius & Bate 2013",
    "signals.reporting_odds_ratio": "van Puijenbroek 2002",
    "signals.proportional_reporting_ratio": "Evans, Waller & Davis 2001",
    "signals.chi_squared": "Pearson 1900; Yates 1934",
    "signals.review_signals": "one-sided exact mid-p",
    "disclosure.protect": "primary and secondary suppression of a declared family",
}
"""Method, and where its definition comes from."""

WITHOUT_ORACLE = {
    "proportions.default_method": "a decision: each side of each threshold",
    "proportions.proportion": "chooses among the limits above",
    "proportions.bounds_for_unassessed": "two imagined outcomes, by hand",
    "rates.event_rate": "scales `rate_limits`",
    "comparisons.difference": "`newcombe` and `fisher`",
    "comparisons.risk_ratio": "`risk_ratio_limits` and `fisher`",
    "comparisons.odds_ratio": "`odds_ratio_limits` and `fisher`",
    "comparisons.rate_ratio": "`rate_ratio_limits` and the binomial tails",
    "comparisons.against_estimated_benchmark": "`difference`",
    "verdicts.two_sided": "`clopper_pearson` after no event",
    "verdicts.difference_of": "`newcombe` when both limits are Wilson's",
    "verdicts.verdict": "a decision: each side of each limit",
    "clustering.per_patient_counts": "counting; rows and sums give the same",
    "clustering.per_patient_proportion": "`proportion` of counted patients",
    "clustering.first_session_proportion": "`proportion` of counted first sessions",
    "survival.count_by_day": "counting; rows and aggregated counts give the same",
    "survival.log_log_limits": "inside `kaplan_meier` and `aalen_johansen`",
    "survival.product_limit": "inside `kaplan_meier`",
    "survival.patient_products": "inside the errors by patient",
    "survival.numbers_at_risk": "counting",
    "survival.cumulative_incidence": "1 minus `landmark`, limits turned over",
    "survival.bounds_for_lost": "`kaplan_meier` of two imagined outcomes, by hand",
    "competing_risks.incidence_at": "reads `aalen_johansen` at a day",
    "competing_risks.incidence_difference": "two of `incidence_at`; root of both squared errors",
    "log_rank.tested": "inside `log_rank` and `gray_test`",
    "log_rank.counts_by_stratum": "counting",
    "log_rank.of_cause": "counting",
    "exact_tails.binomial_quantile": "by its definition: the smallest count that reaches the level",
    "exact_tails.poisson_quantile": "by its definition: the smallest count that reaches the level",
    "control_charts.event_free_gaps": "counting; gaps and events make up all sessions",
    "control_charts.days_between_events": "counting",
    "chart_choice.join_periods": "counting",
    "chart_choice.choose_chart": "a decision: each reason by an example",
    "cusum.design": "searches `average_run_length`; no smaller limit keeps the run length",
    "standardisation.adjusted_rate": "scales `observed_over_expected`",
    "signals.prior_log_likelihood": "inside `fit_prior`",
    "signals.fit_prior": "never below the likelihood of its start, nor far below the truth's",
    "signals.evans_signal": "a decision: each criterion by an example",
    "false_signals.false_signals_per_point": "simulated charts without any change",
    "disclosure.declare_family": "counting; every margin, union and complement",
    "disclosure.keeps_hidden": "an adversary by linear programme finds no hidden count",
}
"""Public functions that are tested by example and property, and what there is to prove."""

INPUT = {
    "proportions.normal_quantile",
    "clustering.count_distinct",
    "clustering.dense_codes",
    "clustering.too_few_patients",
}
"""Public to the package only: they read or check input, as everything named checked_ does."""

LIBRARY = 1e-9

_CLAIMS = (
    Claim("proportions.wilson", "printed table, Newcombe 1998", *printed(4)),
    Claim("proportions.wilson", "statsmodels", LIBRARY, ROUNDING),
    Claim("proportions.wilson", "R prop.test", LIBRARY, ROUNDING),
    Claim("proportions.clopper_pearson", "statsmodels", LIBRARY, SHARED),
    Claim("proportions.clopper_pearson", "scipy binomtest", LIBRARY, INVERSE),
    Claim("proportions.clopper_pearson", "R binom.test", LIBRARY, INVERSE),
    Claim("proportions.jeffreys", "statsmodels", LIBRARY, SHARED),
    Claim("proportions.jeffreys", "R qbeta", LIBRARY, INVERSE),
    Claim("proportions.zero_event_bound", "definition", 1e-9, WRITTEN_OUT, relative=True),
    Claim("proportions.rule_of_three", "definition", 0.0, "one division"),
    Claim("rates.poisson_limits", "printed table, Garwood 1936", *printed(3)),
    Claim("rates.poisson_limits", "R poisson.test", LIBRARY, INVERSE),
    Claim("rates.rate_limits", "statsmodels", LIBRARY, INVERSE, relative=True),
    Claim("rates.dispersion", "definition", LIBRARY, WRITTEN_OUT),
    Claim("rates.rate_trend", "statsmodels", LIBRARY, FITTED),
    Claim("rates.rate_trend", "R glm", LIBRARY, FITTED),
    Claim("rates.rate_trend", "R MASS glm.nb, slope", 1e-6, TWO_FITS),
    Claim("rates.rate_trend", "R MASS glm.nb, dispersion", 1e-5, TWO_FITS, relative=True),
    Claim("comparisons.newcombe", "printed table, Newcombe 1998", *printed(4)),
    Claim("comparisons.newcombe", "statsmodels", LIBRARY, ROUNDING),
    Claim("comparisons.newcombe", "R Epi ci.pd", LIBRARY, ROUNDING),
    Claim("comparisons.risk_ratio_limits", "scipy relative_risk", LIBRARY, ROUNDING, relative=True),
    Claim("comparisons.risk_ratio_limits", "R Epi twoby2", LIBRARY, ROUNDING, relative=True),
    Claim("comparisons.odds_ratio_limits", "scipy odds_ratio", LIBRARY, ROUNDING, relative=True),
    Claim("comparisons.odds_ratio_limits", "R Epi twoby2", LIBRARY, ROUNDING, relative=True),
    Claim("comparisons.rate_ratio_limits", "printed example, R manual", *printed(6)),
    Claim("comparisons.rate_ratio_limits", "R poisson.test", LIBRARY, INVERSE, relative=True),
    Claim(
        "comparisons.rate_ratio_limits",
        "the binomial test it inverts",
        1e-7,
        "an inverse put back into a steep tail",
    ),
    Claim("comparisons.fisher", "the lady tasting tea", 1e-12, ROUNDING),
    Claim("comparisons.fisher", "scipy fisher_exact", LIBRARY, "sums of tables in another order"),
    Claim("comparisons.fisher", "R fisher.test", LIBRARY, "sums of tables in another order"),
    Claim("comparisons.binomial_exact_p", "scipy binom", LIBRARY, ROUNDING),
    Claim("comparisons.against_fixed_benchmark", "scipy binom", 1e-12, ROUNDING),
    Claim("means.clustered_mean", "statsmodels OLS, clustered", LIBRARY, ROUNDING),
    Claim("means.clustered_mean", "Student's sleep data, scipy", 1e-12, ROUNDING),
    Claim(
        "means.amount_per_success",
        "p of scipy's t test at the limit",
        1e-5,
        "the p of a t near its limit magnifies the rounding of sums of squares",
        relative=True,
    ),
    Claim("clustering.linearised_variance", "statsmodels GLM, clustered", LIBRARY, FITTED),
    Claim("clustering.clustered_proportion", "statsmodels at n / deff", LIBRARY, ROUNDING),
    Claim("clustering.clustered_proportion", "definition, Korn-Graubard", LIBRARY, INVERSE),
    Claim("clustering.intraclass_correlation", "bounds of its range", 1e-12, ROUNDING),
    Claim(
        "clustering.intraclass_correlation",
        "simulation",
        0.02,
        "more than three standard errors for 20,000 patients",
    ),
    Claim("clustering.compare_groups", "two linearised variances", 1e-8, FITTED),
    Claim(
        "clustering.compare_groups",
        "statsmodels GLM, covariate",
        1e-8,
        FITTED,
    ),
    Claim(
        "group_difference.clustered_difference", "statsmodels, one session each", LIBRARY, ROUNDING
    ),
    Claim("group_difference.pseudo_values", "1 - Kaplan-Meier, their mean", LIBRARY, ROUNDING),
    Claim(
        "group_difference.pseudo_values",
        "leaving one out",
        0.01,
        "the jackknife and its limit differ by the order of 1 / n, here 400",
    ),
    Claim(
        "group_difference.modelled_difference", "statsmodels GLM, identity link", LIBRARY, FITTED
    ),
    Claim("survival.kaplan_meier", "printed survival, Freireich 1963", *printed(3)),
    Claim("survival.kaplan_meier", "printed errors, Freireich 1963", *printed(4)),
    Claim("survival.kaplan_meier", "statsmodels", LIBRARY, ROUNDING),
    Claim("survival.kaplan_meier", "lifelines", LIBRARY, ROUNDING),
    Claim("survival.kaplan_meier", "R survival", LIBRARY, ROUNDING),
    Claim("survival.kaplan_meier_by_patient", "R survival", LIBRARY, ROUNDING),
    Claim("survival.kaplan_meier_by_patient", "definition", LIBRARY, VARIANCES),
    Claim("survival.landmark", "printed example, Freireich 1963", *printed(4)),
    Claim("survival.landmark_difference", "definition", 1e-12, WRITTEN_OUT),
    Claim("survival.quantile", "R survival", 0.0, "whole days"),
    Claim("survival.quantile", "printed median, Freireich 1963", 0.0, "whole weeks"),
    Claim("survival.median_follow_up", "definition", 0.0, "whole days"),
    Claim("competing_risks.aalen_johansen", "statsmodels", LIBRARY, VARIANCES),
    Claim("competing_risks.aalen_johansen", "R survival", LIBRARY, ROUNDING),
    Claim("competing_risks.aalen_johansen", "1 - Kaplan-Meier, one cause", 1e-12, VARIANCES),
    Claim(
        "competing_risks.aalen_johansen_by_patient",
        "numerical derivative by weight",
        1e-8,
        "central differences err by the square of their step",
    ),
    Claim(
        "competing_risks.aalen_johansen_by_patient",
        "multinomial variance, one leg each",
        1e-12,
        VARIANCES,
    ),
    Claim("competing_risks.gray_test", "R cmprsk", LIBRARY, ROUNDING),
    Claim("competing_risks.gray_test", "log-rank, no competing event", LIBRARY, ROUNDING),
    Claim("log_rank.log_rank", "printed chi squared, Freireich 1963", *printed(2)),
    Claim("log_rank.log_rank", "statsmodels", LIBRARY, ROUNDING, relative=True),
    Claim("log_rank.log_rank", "scipy logrank", LIBRARY, ROUNDING),
    Claim("log_rank.log_rank", "R survival", LIBRARY, ROUNDING),
    Claim("log_rank.log_rank", "definition, by patient", LIBRARY, WRITTEN_OUT),
    Claim("exact_tails.binomial_upper_tail", "scipy", LIBRARY, SHARED, relative=True),
    Claim("exact_tails.binomial_upper_tail", "sum of its terms", LIBRARY, TERMS, relative=True),
    Claim("exact_tails.binomial_lower_tail", "scipy", LIBRARY, SHARED, relative=True),
    Claim("exact_tails.binomial_lower_tail", "sum of its terms", LIBRARY, TERMS, relative=True),
    Claim("exact_tails.poisson_upper_tail", "scipy", LIBRARY, SHARED, relative=True),
    Claim("exact_tails.poisson_upper_tail", "sum of its terms", LIBRARY, TERMS, relative=True),
    Claim("exact_tails.poisson_lower_tail", "scipy", LIBRARY, SHARED, relative=True),
    Claim("exact_tails.poisson_lower_tail", "sum of its terms", LIBRARY, TERMS, relative=True),
    Claim("exact_tails.binomial_mid_p", "scipy", LIBRARY, SHARED, relative=True),
    Claim("exact_tails.poisson_mid_p", "definition", 1e-12, ROUNDING),
    Claim("control_charts.p_chart", "definition", 1e-12, WRITTEN_OUT),
    Claim(
        "control_charts.p_chart",
        "scipy binom, who signals",
        0.0,
        "yes or no; tails within 1e-12 of 0.001 are left out",
    ),
    Claim("control_charts.u_chart", "definition", 1e-12, WRITTEN_OUT),
    Claim("control_charts.u_chart", "scipy poisson", 0.0, "whole counts"),
    Claim("control_charts.sigma_z", "definition", 1e-12, WRITTEN_OUT),
    Claim("control_charts.laney_p_chart", "definition", 1e-12, WRITTEN_OUT),
    Claim("control_charts.g_chart", "scipy geom", LIBRARY, INVERSE),
    Claim("control_charts.g_chart", "definition, 3-sigma", 1e-12, WRITTEN_OUT),
    Claim("control_charts.t_chart", "definition", LIBRARY, WRITTEN_OUT, relative=True),
    Claim("control_charts.t_chart", "scipy expon", LIBRARY, ROUNDING, relative=True),
    Claim("control_charts.xmr_chart", "printed factors 2.66 and 3.267", 1e-3, "2.66 is 3 / 1.128"),
    Claim("cusum.scores", "likelihood ratio", 1e-12, WRITTEN_OUT),
    Claim(
        "cusum.cusum",
        "recursion, session by session",
        1e-9,
        "200,000 sums in another order",
    ),
    Claim("cusum.vlad", "definition", 1e-12, WRITTEN_OUT),
    Claim(
        "cusum.average_run_length",
        "table of 20,000 simulated runs",
        0.02,
        "three standard errors of a mean of 20,000",
        relative=True,
    ),
    Claim("cusum.average_run_length", "simulation", 4 / 20_000**0.5, RUNS, relative=True),
    Claim(
        "cusum.average_run_length",
        "simulation, own risks",
        0.1,
        f"{RUNS}, some thousand in a million sessions",
        relative=True,
    ),
    Claim("funnel.binomial_limits", "printed formula with scipy", LIBRARY, WRITTEN_OUT),
    Claim("funnel.ratio_limits", "printed formula with scipy", 1e-12, WRITTEN_OUT),
    Claim("funnel.adjusted_limits", "definition", 1e-6, "1.959964 for z", relative=True),
    Claim("funnel.dispersion", "statsmodels, tau squared", 1e-12, ROUNDING),
    Claim("funnel.dispersion", "statsmodels, Q", LIBRARY, ROUNDING, relative=True),
    Claim("funnel.dispersion", "definition, winsorised", 1e-12, WRITTEN_OUT),
    Claim(
        "funnel.funnel",
        "scipy binom, who is flagged",
        0.0,
        "yes or no; tails within 1e-12 of an edge are left out",
    ),
    Claim("funnel.funnel", "definition, q-values", 1e-12, WRITTEN_OUT),
    Claim("funnel.ratio_funnel", "scipy poisson, mid-p", LIBRARY, ROUNDING),
    Claim("standardisation.observed_over_expected", "scipy chi2", LIBRARY, INVERSE, relative=True),
    Claim("standardisation.byar_limits", "definition", LIBRARY, WRITTEN_OUT),
    Claim(
        "standardisation.byar_limits",
        "exact upper limits",
        0.007,
        "an approximation, as accurate as its authors say",
        relative=True,
    ),
    Claim("standardisation.standardise", "definition", 1e-12, WRITTEN_OUT),
    Claim("standardisation.fit_risk_model", "closed form of a binary term", 1e-8, FITTED),
    Claim("standardisation.fit_risk_model", "closed form of Firth's estimate", 1e-8, FITTED),
    Claim("standardisation.area_under_curve", "all pairs", 1e-12, WRITTEN_OUT),
    Claim("standardisation.brier_score", "definition", 1e-12, WRITTEN_OUT),
    Claim("standardisation.calibration", "closed form of two risks", 1e-8, FITTED),
    Claim("shrinkage.moment_estimate", "printed example, Gelman et al.", *printed(1)),
    Claim("shrinkage.beta_binomial", "scipy betabinom, maximised", 1e-5, TWO_FITS, relative=True),
    Claim("shrinkage.beta_binomial", "scipy beta, posterior", LIBRARY, INVERSE),
    Claim("shrinkage.gamma_poisson", "scipy nbinom, maximised", 1e-5, TWO_FITS, relative=True),
    Claim("shrinkage.gamma_poisson", "scipy gamma, posterior", LIBRARY, INVERSE),
    Claim("signals.stratified_expected", "definition", 1e-12, WRITTEN_OUT),
    Claim("signals.empirical_bayes", "scipy mixture, at its quantiles", LIBRARY, INVERSE),
    Claim(
        "signals.empirical_bayes",
        "numerical integral",
        1e-7,
        "the accuracy asked of the quadrature",
        relative=True,
    ),
    Claim("signals.information_component", "scipy gamma", LIBRARY, INVERSE, relative=True),
    Claim(
        "signals.information_component",
        "Norén's approximation",
        0.15,
        "the approximation's own error, in bits",
    ),
    Claim("signals.reporting_odds_ratio", "scipy odds_ratio", LIBRARY, ROUNDING, relative=True),
    Claim(
        "signals.proportional_reporting_ratio",
        "printed rifabutin, Evans 2001",
        *printed(0),
    ),
    Claim(
        "signals.proportional_reporting_ratio",
        "scipy relative_risk",
        LIBRARY,
        ROUNDING,
        relative=True,
    ),
    Claim(
        "signals.chi_squared",
        "printed rifabutin, Evans 2001",
        1.0,
        "printed as 22,740; the reference counts are reconstructed",
    ),
    Claim("signals.chi_squared", "scipy chi2_contingency", LIBRARY, ROUNDING, relative=True),
    Claim("signals.review_signals", "scipy poisson", LIBRARY, ROUNDING, relative=True),
    Claim(
        "disclosure.protect",
        "linear and integer programmes: 3 possible values",
        0.0,
        "counted up to three for every hidden count",
    ),
)

CLAIMS = {(claim.method, claim.oracle): claim for claim in _CLAIMS}

largest: dict[tuple[str, str], float] = {}
"""The largest difference seen in this process."""


def agrees(method: str, oracle: str, ours: ArrayLike, theirs: ArrayLike) -> None:
    """Assert that a method agrees with an oracle within its claim.

    Values are numbers or arrays of one shape; missing (None, NaN) and infinite ones agree with
    their like only.
    """
    claim = CLAIMS[method, oracle]
    found, expected = (np.asarray(each, dtype=np.float64) for each in (ours, theirs))
    assert found.shape == expected.shape
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        difference = np.where(same, 0.0, np.abs(found - expected))
        if claim.relative:
            difference = np.where(same, 0.0, difference / np.maximum(np.abs(expected), FLOOR))
    worst = float(np.nan_to_num(difference, nan=np.inf).max(initial=0.0))
    largest[method, oracle] = max(worst, largest.get((method, oracle), 0.0))
    assert worst <= claim.tolerance, f"{method} and {oracle}: {found} is not {expected}"
