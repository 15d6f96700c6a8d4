"""Fuzzing: bytes of all kinds given to the readers of everything that comes from outside; `python -m tests.fuzz --help`.

A target is a reader, what it may raise, and seeds. Seeds are built here, and taken from the corpus where it is; from them are made inputs,
by mutators that know what headers, XML and JSON are made of. An input is a finding where a reader raises anything that is not documented,
says so in more than a line, takes more than two seconds of the processor or 300 MB.

tests/test_fuzz.py runs so many inputs of each target, the same in every run. The long run takes as long as it is told to, and is guided by
coverage where atheris is installed (`pip install mirrorsync[fuzz]`); without it new outcomes guide it. What was found is in `found`.
"""
