"""The pages of the registry, and the gate in front of them.

``server`` starts everything, ``gate`` lets in who is signed in, ``app`` is the script that
Streamlit runs for each of them, ``state`` tells a page who is looking and at which clinic, and
``views`` holds the pages. No page holds SQL or a formula; both live in ``registry``.
"""
