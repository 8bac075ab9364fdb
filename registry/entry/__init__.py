"""The write side: what a form or a file says, what it must pass, and the use cases storing it."""
