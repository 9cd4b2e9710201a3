"""The names of a person: phone numbers in their spellings and WhatsApp's user ids, as values and rules."""
