"""`make demo`: five scenarios from end to end on embedded parts."""
