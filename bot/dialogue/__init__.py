"""The dialogue's edge: the connector that Rasa serves, and the client that calls it."""
