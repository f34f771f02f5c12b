"""Reads the files of a lab, and refuses what cannot be right in the words of the file."""
