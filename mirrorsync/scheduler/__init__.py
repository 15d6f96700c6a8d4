"""When to run: the daemon, its clock, and the runs it starts as processes of their own."""
