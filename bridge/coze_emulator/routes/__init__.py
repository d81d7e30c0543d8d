"""The HTTP calls, a module for each part of Coze's API: they read requests and write answers, no more."""
