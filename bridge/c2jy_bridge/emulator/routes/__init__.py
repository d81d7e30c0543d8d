"""The HTTP calls, a module for each part of Coze's API. They read requests and write answers, nothing else."""
