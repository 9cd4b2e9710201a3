"""All that is specific to Chat Mitra: its requests, answers, webhooks and signatures."""
