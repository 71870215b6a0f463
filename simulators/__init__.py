"""A city, its callers, crews, terminals and telephones; they act through the real interfaces only."""
