"""The assistant proposes answers to what customers write. It sends nothing: an answer is a message of the ledger."""
