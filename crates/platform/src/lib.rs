//! What every process does the same way; knows nothing of markets.
