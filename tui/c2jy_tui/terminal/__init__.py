"""What lies between Textual and the terminal: keys and pastes read in, frames written out in as few bytes as
can be. Knows nothing of panes, the engine or Coze."""
