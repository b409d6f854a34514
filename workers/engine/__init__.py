"""Processes, limits and facts: everything here that touches a media file does so outside this process."""
