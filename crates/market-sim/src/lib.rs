//! The venue simulator: the venues' real wire formats from a synthetic market or recorded files.
