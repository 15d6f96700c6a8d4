"""Mirrors that misbehave in one way each, and what must come of an update from them: the threats A1 to A12 and F7, by kind of mirror."""
