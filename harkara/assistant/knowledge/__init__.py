"""What the assistant knows without a model: the FAQ, and how a question of a customer finds its entry."""
