"""A stand-in for Tencent's servers, for tests and demos: WeChat official account and WeCom 微信客服.

Written from the platforms' documents and independent of our adapters: it imports none of them, so that a
misreading on one side shows on the other.
"""
