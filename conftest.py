"""pytest's door: the list of fixture modules, nothing else."""

pytest_plugins = [
    "fixtures.plugin",
    "fixtures.bench",
    "fixtures.network",
    "fixtures.mqtt",
    "fixtures.cloud",
    "fixtures.web",
    "fixtures.accounts",
    "fixtures.console",
    "fixtures.debug",
    "fixtures.logs",
    "fixtures.log_store",
    "fixtures.clock",
    "fixtures.state_report",
    "fixtures.update",
    "fixtures.update_notice",
    "fixtures.samples",
    "fixtures.storage",
    "fixtures.reset",
    "fixtures.documents",
    "fixtures.ahead",
]
