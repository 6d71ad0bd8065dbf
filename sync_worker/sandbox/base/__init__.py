"""Values that every part of the sandbox uses: clock, ids, times, configuration, portal data."""
