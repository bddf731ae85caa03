"""Whether a text is the JSON it should be, and mending it where it nearly is. Pure: no I/O, no clock."""
