"""Every process of the Procfile on one machine, as `make up` runs them."""
