"""Process definitions: data that a utility can change, one file a process."""
