"""The device side: trackers and vehicle terminals in, the orders that they should show out."""
