# Statistics of the registry as R computes them, on data of our own making.
#
#   Rscript tests/oracles/r/statistics.R DATA OUTPUT
#
# DATA holds legs.csv (patient, group, stratum, day, event: 0 censored, 1 recurrence, 2 retreatment),
# tables.csv (x1, n1, x2, n2) and months.csv (events, sessions). OUTPUT receives one CSV per method,
# 17 significant digits.
suppressPackageStartupMessages({
  library(survival)
  library(cmprsk)
  library(Epi)
})
folders <- commandArgs(trailingOnly = TRUE)
legs <- read.csv(file.path(folders[1], "legs.csv"))
tables <- read.csv(file.path(folders[1], "tables.csv"))
months <- read.csv(file.path(folders[1], "months.csv"))
store <- function(frame, name) {
  digits <- as.data.frame(lapply(frame, function(column)
    if (is.numeric(column)) sprintf("%.17g", column) else column))
  write.csv(digits, file.path(folders[2], paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
}

plain <- survfit(Surv(day, event > 0) ~ 1, legs, conf.type = "log-log")
robust <- survfit(Surv(day, event > 0) ~ 1, legs, cluster = patient, conf.type = "log-log")
stopifnot(!robust$logse)
at <- plain$n.event > 0
store(data.frame(
  day = plain$time, at_risk = plain$n.risk, events = plain$n.event, survival = plain$surv,
  standard_error = plain$std.err * plain$surv, lower = plain$lower, upper = plain$upper,
  by_patient = robust$std.err, lower_by_patient = robust$lower, upper_by_patient = robust$upper
)[at, ], "kaplan_meier")

shares <- c(0.1, 0.25, 0.5)
q <- quantile(plain, shares)
store(data.frame(share = shares, day = q$quantile, lower = q$lower, upper = q$upper), "quantiles")

cif <- survfit(Surv(day, factor(event)) ~ 1, legs, conf.type = "log-log")
at <- rowSums(cif$n.event[, 2:3]) > 0
store(data.frame(
  day = cif$time, event_free = cif$pstate[, 1],
  incidence_1 = cif$pstate[, 2], incidence_2 = cif$pstate[, 3],
  standard_error_1 = cif$std.err[, 2], standard_error_2 = cif$std.err[, 3],
  lower_1 = cif$lower[, 2], lower_2 = cif$lower[, 3],
  upper_1 = cif$upper[, 2], upper_2 = cif$upper[, 3]
)[at, ], "aalen_johansen")

test <- function(name, chi_square, df) data.frame(test = name, chi_square = chi_square, df = df)
rank <- function(name, formula) {
  found <- survdiff(formula, legs)
  test(name, found$chisq, length(found$n) - 1)
}
score <- function(name, formula) {
  fit <- coxph(formula, legs, ties = "breslow", init = c(0, 0), iter.max = 0)
  test(name, fit$rscore, 2)
}
gray <- function(name, cause, ...) {
  found <- cuminc(legs$day, legs$event, legs$group, ...)$Tests
  test(name, found[as.character(cause), "stat"], found[as.character(cause), "df"])
}
strata_of <- survdiff(Surv(day, event > 0) ~ group + strata(stratum), legs)
store(rbind(
  rank("log_rank", Surv(day, event > 0) ~ group),
  test("log_rank strata", strata_of$chisq, 2),
  rank("log_rank cause 1", Surv(day, event == 1) ~ group),
  rank("log_rank cause 2", Surv(day, event == 2) ~ group),
  score("log_rank patients", Surv(day, event > 0) ~ factor(group) + cluster(patient)),
  score("log_rank patients strata",
    Surv(day, event > 0) ~ factor(group) + strata(stratum) + cluster(patient)),
  gray("gray cause 1", 1), gray("gray cause 2", 2),
  gray("gray cause 1 strata", 1, strata = legs$stratum),
  gray("gray cause 2 strata", 2, strata = legs$stratum)
), "tests_of_groups")

rows <- lapply(seq_len(nrow(tables)), function(i) {
  row <- as.list(tables[i, ])
  with(row, {
    cells <- matrix(c(x1, n1 - x1, x2, n2 - x2), nrow = 2, byrow = TRUE)
    exact <- binom.test(x1, n1)$conf.int
    # The warning is about the test, which is not used.
    score <- suppressWarnings(prop.test(x1, n1, correct = FALSE)$conf.int)
    jeffreys <- qbeta(c(0.025, 0.975), x1 + 0.5, n1 - x1 + 0.5)
    garwood <- poisson.test(x1)$conf.int
    newcombe <- Epi::ci.pd(x1, x2, n1 - x1, n2 - x2, method = "Nc", print = FALSE)
    ratio <- poisson.test(c(x1, x2), c(n1, n2))
    by_two <- Epi::twoby2(cells, print = FALSE)
    data.frame(
      x1 = x1, n1 = n1, x2 = x2, n2 = n2,
      wilson_lower = score[1], wilson_upper = score[2],
      clopper_pearson_lower = exact[1], clopper_pearson_upper = exact[2],
      jeffreys_lower = jeffreys[1], jeffreys_upper = jeffreys[2],
      poisson_lower = garwood[1], poisson_upper = garwood[2],
      newcombe_lower = newcombe[6], newcombe_upper = newcombe[7],
      risk_ratio = by_two$measures[1, 1], risk_ratio_lower = by_two$measures[1, 2],
      risk_ratio_upper = by_two$measures[1, 3],
      odds_ratio = by_two$measures[2, 1], odds_ratio_lower = by_two$measures[2, 2],
      odds_ratio_upper = by_two$measures[2, 3],
      fisher_p = fisher.test(cells)$p.value,
      rate_ratio = unname(ratio$estimate),
      rate_ratio_lower = ratio$conf.int[1], rate_ratio_upper = ratio$conf.int[2]
    )
  })
})
store(do.call(rbind, rows), "two_groups")

month <- seq_len(nrow(months))
poisson_trend <- glm(events ~ month + offset(log(sessions)), poisson, months, epsilon = 1e-14)
wide_trend <- MASS::glm.nb(events ~ month + offset(log(sessions)), months,
  control = glm.control(epsilon = 1e-14, maxit = 100))
store(data.frame(
  dispersion = sum(residuals(poisson_trend, "pearson")^2) / poisson_trend$df.residual,
  slope = coef(wide_trend)[2], over_dispersion = 1 / wide_trend$theta
), "rate_trend")
