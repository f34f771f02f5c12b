"""The rows of `benchmarks/network.py`: what is measured, one noun a file."""
