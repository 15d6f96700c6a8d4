"""Pure values: what a package, a catalogue, a plan and an outcome are."""
