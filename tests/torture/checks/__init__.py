"""Each module judges one promise; tests/python/test_torture.py proves that each can fail."""
