"""Statistics of small clinics as pure functions: no database, no clock, no plotting.

Import the module you need; nothing is loaded from here.

``result``           the estimate that every function returns, its interval and its cautions
``proportions``      one proportion: Wilson, Clopper-Pearson, Jeffreys, bound for zero events
``clustering``       proportions of sessions nested in patients; cluster-robust regression
``group_difference`` difference of two groups with repeated sessions, crude and adjusted
``means``            mean amounts by patient, amount per success (Fieller)
``rates``            events per 1,000 sessions or per person-time: exact Poisson, trend
``comparisons``      two groups, and a group against a published benchmark
``verdicts``         whether an estimate differs from its comparison, by limits alone
``survival``         Kaplan-Meier, landmarks, median, follow-up, standard errors by patient
``competing_risks``  Aalen-Johansen and Gray's test
``log_rank``         log-rank test for k groups, by stratum, cause and patient
``exact_tails``      binomial and Poisson tails and quantiles on arrays
``control_charts``   p, u, Laney p', g, t and XmR charts
``chart_choice``     which control chart fits the data, or none
``false_signals``    how often a control chart signals although nothing changed
``cusum``            Bernoulli and risk-adjusted CUSUM, VLAD
``funnel``           units against one target, with over-dispersion
``standardisation``  observed over expected events
``shrinkage``        empirical Bayes rates of units
``signals``          lots and agents with more events than expected
``disclosure``       suppression of small numbers
``display_rules``    what may be shown, from how many, in which words
"""
