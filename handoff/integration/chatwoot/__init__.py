"""Chatwoot as the desk: its Application API and an inbox of the API channel."""
