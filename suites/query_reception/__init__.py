"""IQR: the developer receives reports of vulnerabilities, and answers."""
