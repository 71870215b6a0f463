"""A day of real outages, fed through the centre's own services in virtual time."""
