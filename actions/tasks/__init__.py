"""Jobs that take several messages: what to collect, what to confirm, what to do."""
