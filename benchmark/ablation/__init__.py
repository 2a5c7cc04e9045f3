"""What each key between two variants, protocols or selection rules does to metrics and gains."""
