"""The read side: one question, one module, one result object for page, command line and file.

``facts`` reads the database into columns, ``cohort`` says which sessions are meant and how they are
grouped, ``results`` is the shape of every answer. Nothing here writes, and every public question
opens with the right it needs.
"""
