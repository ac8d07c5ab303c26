"""The application layer; its modules are named by context: agenda identity report dispatch usage access."""
