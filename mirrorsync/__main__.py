"""`python -m mirrorsync`."""

from mirrorsync.cli.main import main

main()
