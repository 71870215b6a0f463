"""Pure rules: values and functions, no input or output, no reading of time."""
