"""Health: the checks of what sending needs, which `harkara doctor` and the console show."""
