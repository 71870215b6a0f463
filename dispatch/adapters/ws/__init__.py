"""The live feed (docs/http-api.md, Live feed): what changes, to whoever may see it, at each one's own pace."""
