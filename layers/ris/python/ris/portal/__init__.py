"""The pages: Chalice blueprints, templates, static files."""
