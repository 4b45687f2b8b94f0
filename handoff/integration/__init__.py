"""Desks of operators who already have one: told by signed webhooks or Chatwoot's API, heard over REST.

This room knows the handoff's contract (service, events, package) and nothing else of it.
"""
