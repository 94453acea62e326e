//! Maps that clients can fill and that must not grow without bound.

use std::collections::HashMap;

/// Makes room for one more in a map of at most `most` entries. A full one loses what is not current, and if that is
/// less than half of it, every second entry of the rest, whichever it is: so it is never looked through twice within a
/// quarter of `most` new entries.
pub fn evict<K, V>(map: &mut HashMap<K, V>, most: usize, is_current: impl Fn(&V) -> bool) {
    if map.len() < most {
        return;
    }
    map.retain(|_, value| is_current(value));
    if map.len() > most / 2 {
        let mut keep = false;
        map.retain(|_, _| {
            keep = !keep;
            keep
        });
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const MOST: usize = 100;
    const ADDED: usize = 10_000;

    /// Adds many entries; `is_current` says which stay when another comes. Gives how many were looked at.
    fn looks(is_current: impl Fn(usize, usize) -> bool) -> usize {
        let (mut map, looked) = (HashMap::new(), Cell::new(0));
        for n in 0..ADDED {
            evict(&mut map, MOST, |value| {
                looked.set(looked.get() + 1);
                is_current(*value, n)
            });
            map.insert(n, n);
            assert!(map.len() <= MOST);
            assert!(map.contains_key(&n));
        }
        looked.get()
    }

    #[test]
    fn map_is_bounded_and_seldom_looked_through() {
        assert!(looks(|_, _| true) <= 4 * ADDED);
        assert!(looks(|_, _| false) <= 4 * ADDED);
        // The worst: each time just one is not current any more.
        assert!(looks(|value, n| value + MOST != n) <= 4 * ADDED);
    }

    #[test]
    fn current_entries_stay_while_they_fill_half_of_the_map() {
        let mut map: HashMap<usize, usize> = (0..MOST).map(|n| (n, n)).collect();
        evict(&mut map, MOST, |n| *n < MOST / 2);
        assert!((0..MOST / 2).all(|n| map.contains_key(&n)));
        assert_eq!(map.len(), MOST / 2);
    }
}
