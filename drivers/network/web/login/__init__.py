"""The ways to log in to a web administration: form, recipe, browser, Basic and Digest."""
