"""The install tree: read, built anew beside itself, and replaced in one step."""
