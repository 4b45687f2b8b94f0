"""The gateway's name for the counter of attempts."""

from core.limits import AttemptLimiter

__all__ = ["AttemptLimiter"]
