"""The bot: understanding (nlu), dialogue connector, channels, gateway and launcher."""
