"""Damaged and odd inputs by the thousand, each repeatable by its kind and number.

`python -m tests.fuzz --help` says how to run many of them; a few run with the tests. A
kind of input is a file in `kinds`.
"""
