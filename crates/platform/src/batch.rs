//! Batches of which some items may be refused for good: the others go on.
//!
//! The loop is the caller's, because what counts as a refusal, and whether an outage is waited out, differs:
//!
//! ```ignore
//! let (mut parts, mut failures) = (Parts::of(items), Failures::new(Backoff::RECONNECT));
//! while let Some(part) = parts.next() {
//!     let done = match process(part).await {
//!         Err(error) if is_refusal(&error) => match parts.split(part) {
//!             Some(item) => set_aside(item, &error).await,
//!             None => Ok(()),
//!         },
//!         processed => processed,
//!     };
//!     if done.is_err() {
//!         failures.wait().await;
//!         parts.repeat(part);
//!     }
//! }
//! ```

/// The parts of a batch that are still to be processed, in the order of the items.
#[derive(Debug)]
pub struct Parts<'a, T> {
    /// The last one is next.
    waiting: Vec<&'a [T]>,
}

impl<'a, T> Parts<'a, T> {
    /// The whole batch as one part.
    #[must_use]
    pub fn of(items: &'a [T]) -> Self {
        Self { waiting: vec![items] }
    }

    /// Halves a part that was refused, because only some of its items may be to blame. The halves are next. A part of
    /// one item is not halved: this item is the one that was refused, and is returned.
    #[must_use = "the item is not processed again"]
    pub fn split(&mut self, part: &'a [T]) -> Option<&'a T> {
        match part {
            [] => None,
            [item] => Some(item),
            [_, _, ..] => {
                let (first, second) = part.split_at(part.len() / 2);
                self.waiting.extend([second, first]);
                None
            }
        }
    }

    /// Lets a part be next again that met an outage.
    pub fn repeat(&mut self, part: &'a [T]) {
        self.waiting.push(part);
    }
}

impl<'a, T> Iterator for Parts<'a, T> {
    type Item = &'a [T];

    fn next(&mut self) -> Option<&'a [T]> {
        self.waiting.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Refuses parts with an odd number; returns the parts that were processed and the items that were set aside.
    fn process(items: &[u32]) -> (Vec<Vec<u32>>, Vec<u32>) {
        let (mut processed, mut set_aside) = (Vec::new(), Vec::new());
        let mut parts = Parts::of(items);
        while let Some(part) = parts.next() {
            if part.iter().all(|n| n % 2 == 0) {
                processed.push(part.to_vec());
            } else {
                set_aside.extend(parts.split(part));
            }
        }
        (processed, set_aside)
    }

    #[test]
    fn refused_items_stand_alone_and_the_others_keep_their_order() {
        let (processed, set_aside) = process(&[2, 4, 1, 6, 3, 8, 10]);
        assert_eq!(set_aside, [1, 3]);
        assert_eq!(processed.concat(), [2, 4, 6, 8, 10]);
        assert_eq!(processed.last(), Some(&vec![8, 10]));
    }

    #[test]
    fn good_batch_is_processed_once_and_whole() {
        assert_eq!(process(&[2, 4, 6]), (vec![vec![2, 4, 6]], vec![]));
        assert_eq!(process(&[]), (vec![vec![]], vec![]));
    }

    #[test]
    fn empty_part_that_is_refused_ends() {
        assert_eq!(Parts::of(&[0_u32; 0]).split(&[]), None);
    }

    #[test]
    fn part_that_met_an_outage_comes_before_the_rest() {
        let items = [1, 2];
        let mut parts = Parts::of(&items);
        let whole = parts.next().unwrap();
        assert_eq!(parts.split(whole), None);
        let first = parts.next().unwrap();
        parts.repeat(first);
        assert_eq!(parts.collect::<Vec<_>>(), [&[1], &[2]]);
    }
}
