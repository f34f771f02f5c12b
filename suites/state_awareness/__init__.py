"""CSA: what is needed to detect an incident is recorded, and kept securely."""
