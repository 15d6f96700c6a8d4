"""The program as an unprivileged user, plainly and under what config/systemd/mirrorsync.service says, without systemd as PID 1."""
