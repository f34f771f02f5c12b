"""How to talk to the bench, by interface; one noun a file. Nothing here judges, and nothing here imports pytest."""
