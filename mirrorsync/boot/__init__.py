"""The boot set: what belongs together, and how it is staged for TFTP."""
