"""Keys and signatures: who signed a file, by rpm's own verdict."""
