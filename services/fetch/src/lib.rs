//! Takes prices from venues, makes one price that can be trusted and explained.
