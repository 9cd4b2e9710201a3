"""The delivery of messages: dispatch, the gates, the sender and the periodic work around them."""
