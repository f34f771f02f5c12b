"""The engine: it runs the cases, keeps the evidence and gives the verdicts."""
