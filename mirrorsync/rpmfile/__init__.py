"""The only door to rpm files: headers read and packages described."""
