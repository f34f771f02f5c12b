"""Network interfaces: port sweeps, TLS, SSH, HTTP."""
