"""pytest's door: the list of fixture modules, nothing else."""

pytest_plugins = [
    "fixtures.plugin",
    "fixtures.bench",
    "fixtures.network",
    "fixtures.cloud",
    "fixtures.web",
    "fixtures.console",
    "fixtures.debug",
    "fixtures.logs",
    "fixtures.update",
    "fixtures.documents",
]
