"""Tests on several hosts, which are network namespaces: `make test-hosts`."""
