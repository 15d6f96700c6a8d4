"""Installs in flight while updates and rollbacks are published underneath them, over real servers."""
