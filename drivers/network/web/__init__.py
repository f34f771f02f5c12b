"""The web administration. Each folder imports only those before it: transport, login, administration, probes."""
