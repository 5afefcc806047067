"""Runs that somebody else trained: compared as they lie there, or made into run folders."""
