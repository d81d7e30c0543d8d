"""The HTTP routes, one module per part of Coze's API; they only parse requests and write responses."""
