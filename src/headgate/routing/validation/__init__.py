"""Whether an answer is what was asked for, and what to do where it is not."""
