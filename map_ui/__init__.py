"""What people look at: control room, crew's phone, hotline desk, manager's desk."""
