"""Pages for people: Jinja2, no script needed."""
