"""What runs and comparisons look like: JSON, JUnit XML, annotations of a pull request, a page."""
