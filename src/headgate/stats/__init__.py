"""Pure statistics: what a number of observations says, and how surely."""
