"""Looking at answers beside calls: what passes is kept within bounds, and looked at once its client has it."""
