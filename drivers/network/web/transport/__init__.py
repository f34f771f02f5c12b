"""Requests, answers, cookies, pages and WebSockets. Nothing here logs in."""
