//! Sums over any range of a list that grows at its end, in logarithmic time.

use super::weighted::Weighted;

/// Every level holds the merged pairs of the one below, so a range is made of at most two nodes of each.
///
/// A node is added once both of its children are, and never changes: appending is amortised constant time, and what
/// follows a changed place is cut off and appended again.
#[derive(Debug, Clone, Default)]
pub(super) struct Pyramid {
    levels: Vec<Vec<Weighted>>,
}

impl Pyramid {
    /// How many leaves there are.
    pub(super) fn len(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    /// Adds a leaf at the end.
    pub(super) fn push(&mut self, leaf: Weighted) {
        let (mut node, mut level) = (leaf, 0);
        loop {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let nodes = &mut self.levels[level];
            nodes.push(node);
            if nodes.len() % 2 == 1 {
                return;
            }
            node = nodes[nodes.len() - 2].merge(node);
            level += 1;
        }
    }

    /// Keeps the first `len` leaves.
    pub(super) fn truncate(&mut self, len: usize) {
        for (level, nodes) in self.levels.iter_mut().enumerate() {
            nodes.truncate(len >> level);
        }
    }

    /// The leaves from `start` up to, but not including, `end` together. Both are at most [`Self::len`].
    pub(super) fn range(&self, start: usize, end: usize) -> Weighted {
        let (mut start, mut end) = (start, end);
        let mut total = Weighted::default();
        for nodes in &self.levels {
            if start >= end {
                break;
            }
            if start % 2 == 1 {
                total = total.merge(nodes[start]);
                start += 1;
            }
            if end % 2 == 1 {
                end -= 1;
                total = total.merge(nodes[end]);
            }
            start /= 2;
            end /= 2;
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(place: usize) -> Weighted {
        Weighted {
            points: 1 << place,
            ..Weighted::default()
        }
    }

    /// Each leaf is a bit of its own, so a sum names its leaves.
    #[test]
    fn every_range_is_the_sum_of_its_leaves() {
        for len in 0..=20 {
            let mut pyramid = Pyramid::default();
            (0..len).for_each(|place| pyramid.push(leaf(place)));
            for end in 0..=len {
                for start in 0..=end {
                    let expected: usize = (start..end).map(|place| 1 << place).sum();
                    assert_eq!(pyramid.range(start, end).points, expected, "{start}..{end} of {len}");
                }
            }
        }
    }

    #[test]
    fn cut_off_leaves_can_be_appended_anew() {
        for kept in 0..=13 {
            let mut pyramid = Pyramid::default();
            (0..13).for_each(|_| pyramid.push(leaf(30)));
            pyramid.truncate(kept);
            assert_eq!(pyramid.len(), kept);
            (kept..17).for_each(|place| pyramid.push(leaf(place)));
            let expected: usize = (kept..17).map(|place| 1 << place).sum();
            assert_eq!(pyramid.range(kept, 17).points, expected);
            assert_eq!(pyramid.range(0, kept).points, kept << 30);
        }
    }
}
