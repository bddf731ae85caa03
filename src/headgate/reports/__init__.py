"""What sums of calls say: what failing calls share, and what has changed from one period to the next. Pure, but for
reading.
"""
