"""A stand-in for a language model: the chat completions of OpenAI's API, answered from the sources in the prompt."""
