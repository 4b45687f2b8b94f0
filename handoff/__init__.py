"""From the bot to a person and back: context, queue, routing, serving, tickets and the desk's contract."""
