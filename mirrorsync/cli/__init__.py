"""Options in, outcome out."""
