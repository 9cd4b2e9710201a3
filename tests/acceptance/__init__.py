"""Acceptance tests: processes as deployed, real services, and the sandbox as the judge of what was sent."""
