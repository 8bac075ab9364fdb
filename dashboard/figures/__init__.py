"""Pictures of result objects: a result goes in, an Altair chart and a sentence come out.

Nothing here reads data or knows Streamlit. Every picture starts its axis of rates at zero, always
draws the interval, writes its labels beside what they name, and uses the first colours of whatever
theme shows it; shape and stroke say the same as colour. A hollow point stands for no event: its
dashed interval is one-sided. A diamond stands for a Kaplan-Meier estimate.
"""

from dashboard.figures.complication_charts import assessment, onset, resolution, severity
from dashboard.figures.control_charts import control, cusum, vlad
from dashboard.figures.funnel_chart import funnel
from dashboard.figures.marks import Figure
from dashboard.figures.quality_charts import thermometer
from dashboard.figures.rate_charts import follow_up, months, rates, two_groups
from dashboard.figures.recurrence_charts import recurrence, recurrence_by_group
from dashboard.figures.sparkline import sparkline

__all__ = [
    "Figure",
    "assessment",
    "control",
    "cusum",
    "follow_up",
    "funnel",
    "months",
    "onset",
    "rates",
    "recurrence",
    "recurrence_by_group",
    "resolution",
    "severity",
    "sparkline",
    "thermometer",
    "two_groups",
    "vlad",
]
