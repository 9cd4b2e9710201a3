"""Money: what delivered messages cost, by the rate card of the account, and budgets. Amounts are whole micros."""
