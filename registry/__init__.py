"""A registry of sclerotherapy complications and recurrences.

Data moves one way. In: ``entry`` (forms, checks, recording) writes to ``schema`` through
``database.transaction``; triggers installed by ``audit`` write the trail. Out: ``analysis`` reads
a cohort, asks ``statistics`` (pure functions) for the numbers and returns one result object, which
the page, the command line and every file show alike. ``catalogue`` holds reference facts with their
sources, ``exchange`` the file formats, ``operations`` what keeps an installation healthy.
"""

__version__ = "0.1.0"
