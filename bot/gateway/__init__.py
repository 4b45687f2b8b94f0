"""The app: conversations, routing between bot and person, delivery, pages and operations."""
