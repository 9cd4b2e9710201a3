"""The page, which shows the messages as a phone does."""
