"""What is said, computed from the operator's facts alone: pure functions, no Rasa, no network."""
