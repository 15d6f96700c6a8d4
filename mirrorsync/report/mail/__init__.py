"""Reports as mail: one message with a text part and an HTML part that say the same."""
