"""`make demo`: four scenarios from end to end on embedded parts."""
