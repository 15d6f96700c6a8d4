"""Update mirrors: listings and repodata, over HTTP, FTP and the local disk."""
