"""`headgate eval`: tests of prompts and models, a file for each command and for what they share."""
