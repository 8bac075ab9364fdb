"""The read side: one question, one module, one result object for page, command line and file.

``facts`` holds the database in columns, read by one module of ``*_facts`` for each kind of record;
``dimensions`` and ``cohort`` say which sessions are meant and how they are grouped, ``results`` is
the shape of every answer. Nothing here writes, and every public question opens with the right it
needs.
"""
