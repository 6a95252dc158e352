"""`python -m crossemo` is the command line."""

from crossemo.cli import main

main()
