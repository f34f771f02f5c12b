"""IQR: the developer can be told of vulnerabilities, and answers."""
