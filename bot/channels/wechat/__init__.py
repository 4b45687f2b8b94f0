"""WeChat official account: callbacks in, passive answers and customer-service messages out."""
