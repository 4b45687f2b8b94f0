"""Understanding: Rasa graph components, trained in about a minute, serving in milliseconds.

Order (``config.yml``): normaliser → tokenizer → sentence featurizer → intent classifier → entities →
sentiment → knowledge retriever → arbiter.
"""
