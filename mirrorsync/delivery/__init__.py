"""The doors by which messages leave, and the queue of those that could not."""
