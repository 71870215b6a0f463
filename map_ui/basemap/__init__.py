"""What lies under everything on a map: a file of our own made from OpenStreetMap, the utility's tiles, or nothing."""
