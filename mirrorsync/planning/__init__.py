"""Pure decisions: values in, a plan with its reasons out."""
