"""Shadow mode: how another target, route or gateway would have answered the calls there are."""
