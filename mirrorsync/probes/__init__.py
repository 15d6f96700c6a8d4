"""What is wrong with a tree or its export, as a node would meet it."""
