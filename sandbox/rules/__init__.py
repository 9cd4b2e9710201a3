"""Chat Mitra's validation rules for a request, in their strictest reading."""
