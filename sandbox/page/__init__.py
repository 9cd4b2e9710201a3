"""The page that shows the messages as a phone would."""
