"""Chat Mitra's rules, read strictly: what a request must look like to be accepted."""
