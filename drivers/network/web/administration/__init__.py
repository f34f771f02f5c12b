"""What a user who has logged in reads and changes: settings, identity, sessions."""
