"""Who is talking: channel accounts, the customers behind them, and how sure we are."""
