"""Pages of docs/ that are written from what the service really answers.

`python -m tests.pages` writes them on a database of its own, `--check` tells whether they are in step.
"""
