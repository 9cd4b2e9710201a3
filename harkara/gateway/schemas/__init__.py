"""The requests and responses of the HTTP API, as its OpenAPI description shows them."""
