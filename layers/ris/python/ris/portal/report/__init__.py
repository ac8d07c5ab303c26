"""Reports: the reading list, the editor, the validated versions."""
