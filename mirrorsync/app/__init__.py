"""The use cases, one screen each."""
