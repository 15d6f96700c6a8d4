"""Programs of the administrator's that are asked before a publication and told after it."""
