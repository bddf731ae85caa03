"""What is told of, when and to whom: rules over sums of calls, where alerts stand, notices and their delivery."""
