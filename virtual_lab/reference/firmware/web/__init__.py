"""The web administration: its server, pages, sessions and TLS."""
