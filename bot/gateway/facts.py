"""What the operator knows of a customer, gathered for the agent's screen."""

from __future__ import annotations
