"""DP: stored data and transmitted data is protected."""
