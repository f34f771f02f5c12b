"""DP: data is protected where it lies and where it travels."""
