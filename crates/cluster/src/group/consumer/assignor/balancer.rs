//! Finding the readers of one topic that own the fewest and the most partitions, one after the other
//! (UniformHeterogeneousAssignmentBuilder.MemberAssignmentBalancer).

/// The readers of a topic by what they own. The range at the front gets partitions, one round after the other, and grows
/// to the right; the range at the back gives them up and grows to the left.
pub(super) struct Balancer {
    sorted: Vec<usize>,
    least_end: usize,
    least_level: i64,
    least_next: usize,
    most_start: usize,
    most_end: usize,
    most_level: i64,
    most_next: i64,
}

impl Balancer {
    pub(super) fn new(readers: &[usize], sizes: &[i64]) -> Balancer {
        let mut sorted = readers.to_vec();
        sorted.sort_by_key(|member| (sizes[*member], *member));
        let level = |member: Option<&usize>| member.map_or(0, |member| sizes[*member]);
        Balancer {
            least_end: 0,
            least_level: level(sorted.first()) - 1,
            least_next: 0,
            most_start: sorted.len(),
            most_end: sorted.len(),
            most_level: level(sorted.last()) + 1,
            most_next: position(sorted.len()) - 1,
            sorted,
        }
    }

    /// The difference between the reader with the most and the one with the fewest partitions.
    pub(super) fn imbalance(&self) -> i64 {
        self.most_level - self.least_level - 2
    }

    /// Who gets the next partition.
    pub(super) fn least_loaded(&mut self, sizes: &[i64]) -> usize {
        if self.least_next >= self.least_end {
            // Everybody in the range has got one: it may have reached the level of those to its right.
            self.least_level += 1;
            while self
                .sorted
                .get(self.least_end)
                .is_some_and(|m| sizes[*m] == self.least_level)
            {
                self.least_end += 1;
            }
            self.least_next = 0;
        }
        self.least_next += 1;
        self.sorted[self.least_next - 1]
    }

    /// Who gives up the next partition, if anybody is left.
    pub(super) fn most_loaded(&mut self, sizes: &[i64]) -> Option<usize> {
        if self.most_next < position(self.most_start) {
            if self.most_end <= self.most_start && self.most_start > 0 {
                // Everybody in the range was excluded.
                self.most_level = sizes[self.sorted[self.most_start - 1]];
            } else {
                self.most_level -= 1;
            }
            while self.most_start > 0 && sizes[self.sorted[self.most_start - 1]] == self.most_level {
                self.most_start -= 1;
            }
            self.most_next = position(self.most_end) - 1;
        }
        let next = usize::try_from(self.most_next).ok()?;
        self.most_next -= 1;
        Some(self.sorted[next])
    }

    /// The reader that was just named has nothing to give up.
    pub(super) fn exclude_most_loaded(&mut self) {
        let at = usize::try_from(self.most_next + 1).expect("a reader was just named");
        self.most_end -= 1;
        self.sorted.swap(at, self.most_end);
    }

    pub(super) fn is_balanced(&self) -> bool {
        self.most_level - self.least_level <= 1
    }
}

fn position(index: usize) -> i64 {
    i64::try_from(index).expect("a group has few members")
}
