"""What is kept on the flash: settings, accounts and recordings."""
