"""Import and export of the canonical format: a few linked CSV files, in a folder or a zip archive.

:func:`read_files` reads them strictly, :func:`plan_import` says what an import would do, and
:func:`carry_out` does all of it or nothing.
"""

from registry.exchange.agreement import State
from registry.exchange.importing import (
    ImportPlan,
    ImportRefused,
    ImportReport,
    carry_out,
    plan_import,
)
from registry.exchange.problems import FileProblem, ProblemCount, Problems
from registry.exchange.reading import UPLOAD_LIMITS, Limits, Parsed, Progress, read_files

__all__ = [
    "UPLOAD_LIMITS",
    "FileProblem",
    "ImportPlan",
    "ImportRefused",
    "ImportReport",
    "Limits",
    "Parsed",
    "ProblemCount",
    "Problems",
    "Progress",
    "State",
    "carry_out",
    "plan_import",
    "read_files",
]
