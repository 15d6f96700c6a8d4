"""The page: every tree's state, errata, history and packages as a static site that needs no server and nothing from elsewhere."""

from mirrorsync.report.page.site import Page, Part, parts_of, render

__all__ = ["Page", "Part", "parts_of", "render"]
