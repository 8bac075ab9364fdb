"""Statistics of small clinics as pure functions: no database, no clock, no plotting.

Import the module you need; nothing is loaded from here.

``result``           the estimate that every function returns, its interval and its cautions
``proportions``      one proportion: Wilson, Clopper-Pearson, Jeffreys, bound for zero events
``clustering``       proportions of sessions nested in patients; cluster-robust regression
``rates``            events per 1,000 sessions or per person-time: exact Poisson
``comparisons``      two groups, and a group against a published benchmark
``survival``         Kaplan-Meier, landmarks, median, follow-up, standard errors by patient
``competing_risks``  Aalen-Johansen and Gray's test
``log_rank``         log-rank test for k groups and strata
"""
