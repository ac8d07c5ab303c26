"""MSSante on the wire: the archive, the mail, what operators and recipients answer. Shapes only; when to send is the application's."""
