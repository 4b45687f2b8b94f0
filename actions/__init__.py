"""What the bot does: one module per business area, each action thin over a testable function."""
