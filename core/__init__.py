"""What every room shares: settings, database, errors, events, security, transcript."""
