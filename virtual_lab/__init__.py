"""Devices to test the harness against: they stand in for boards."""
