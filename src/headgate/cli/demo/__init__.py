"""`headgate demo`: a gateway with simulated vendors and traffic, and what happens to it, to look at."""
