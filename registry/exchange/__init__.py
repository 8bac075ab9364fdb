"""Import and export of the canonical format: a few linked CSV files, in a folder or a zip archive.

:func:`write_template` gives a clinic empty files to fill, :func:`read_files` reads them strictly,
:func:`plan_import` says what an import would do, :func:`carry_out` does all of it or nothing, and
:func:`export` writes the same files from the registry. :func:`column_dictionary` explains every
column.
"""

from registry.exchange.agreement import State
from registry.exchange.dictionary import (
    ColumnDescription,
    column_dictionary,
    column_page,
    write_template,
)
from registry.exchange.exporting import ExportReport, export
from registry.exchange.importing import (
    ImportPlan,
    ImportRefused,
    ImportReport,
    carry_out,
    plan_import,
)
from registry.exchange.opening import UPLOAD_LIMITS, Limits
from registry.exchange.problems import FileProblem, ProblemCount, Problems
from registry.exchange.reading import Parsed, Progress, read_files

__all__ = [
    "UPLOAD_LIMITS",
    "ColumnDescription",
    "ExportReport",
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
    "column_dictionary",
    "column_page",
    "export",
    "plan_import",
    "read_files",
    "write_template",
]
