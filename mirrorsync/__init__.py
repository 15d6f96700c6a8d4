"""Keep a network-install tree current with its update mirrors."""

__version__ = "0.1.0"
