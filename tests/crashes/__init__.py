"""Crash enumeration: mirrorsync killed before, or failed at, every call that changes the disk; `python -m tests.crashes --help`.

A scenario is a site (a tree, the folder beside it, caches, a boot directory) and a command. The command is run once under strace to list
its calls that change the disk: the points. Then, for each point, on a fresh copy of the site under the same path, it is killed there by
strace, the site is looked at as installers and nodes would see it, and the command is run again, which must end as if nothing had happened.

What is not shown here: the order in which a disk keeps what was written when the power goes (tests/powerloss), calls of several threads at
once (every thread's work is done in the calling thread, see `program`), and what SQLite's caches hold (they may be lost, and are).
"""
