"""The HTTP interface (docs/http-api.md): one router an actor, one table of errors, one set of schemas."""
