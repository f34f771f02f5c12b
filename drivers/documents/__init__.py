"""Documents that the manufacturer hands in: read whole, bounded, without network, and described as facts."""
