"""WeCom 微信客服: callbacks say that there is something, sync_msg what it is, send_msg answers."""
