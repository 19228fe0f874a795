"""Evaluation of stereo matchers against true disparity."""
