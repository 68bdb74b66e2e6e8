//! The file system's journal of directory entries and file lengths.
//!
//! As on ext4: operations commit in order, after at most five seconds, or at once when any file is synced.

use std::collections::VecDeque;
use std::time::Duration;

use kafka_sim_core::SimTime;

/// ext4's default commit interval.
pub(super) const COMMIT_INTERVAL: Duration = Duration::from_secs(5);

/// An operation's place in the journal. Those below the committed place are durable.
pub(super) type Op = u64;

#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    next: Op,
    committed: Op,
    /// When each operation from `committed` on was recorded.
    open: VecDeque<SimTime>,
    /// Commits under way: when they are durable, and the place they commit up to. Both rise.
    commits: VecDeque<(SimTime, Op)>,
}

impl Journal {
    pub(super) fn record(&mut self, now: SimTime) -> Op {
        self.settle(now);
        let op = self.next;
        self.next += 1;
        self.open.push_back(now);
        op
    }

    /// Everything recorded so far is durable from `at` on.
    pub(super) fn commit_at(&mut self, at: SimTime, now: SimTime) {
        self.settle(now);
        if self.committed < self.next {
            // This one covers those before it that would take at least as long.
            let sooner = self.commits.partition_point(|(other, _)| *other < at);
            self.commits.truncate(sooner);
            self.commits.push_back((at, self.next));
        }
    }

    /// Operations below this place are durable at `now`.
    pub(super) fn committed(&self, now: SimTime) -> Op {
        let over = self.commits.partition_point(|(at, _)| *at <= now);
        let synced = over.checked_sub(1).map_or(0, |last| self.commits[last].1);
        let aged = self.open.partition_point(|recorded| *recorded + COMMIT_INTERVAL <= now) as Op;
        synced.max(self.committed + aged)
    }

    /// The place after the last operation.
    pub(super) fn end(&self) -> Op {
        self.next
    }

    /// Forgets everything: what was committed is settled and nothing else exists any more.
    pub(super) fn reset(&mut self) {
        self.committed = self.next;
        self.open.clear();
        self.commits.clear();
    }

    fn settle(&mut self, now: SimTime) {
        let committed = self.committed(now);
        let settled = usize::try_from(committed - self.committed).expect("no more than are open");
        self.open.drain(..settled);
        self.committed = committed;
        // They are in the order of their places.
        let over = self.commits.partition_point(|(_, upto)| *upto <= committed);
        self.commits.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use kafka_sim_core::Seed;

    use super::*;

    #[test]
    fn what_is_durable_is_what_any_of_the_commits_under_way_has_covered() {
        let mut rng = Seed(3).stream("journal", 0);
        let mut covered_later = 0;
        for _ in 0..50 {
            let (mut journal, mut commits) = (Journal::default(), Vec::new());
            let mut now = SimTime::ZERO;
            for _ in 0..60 {
                now += Duration::from_millis(rng.below(30));
                journal.record(now);
                if rng.chance(1, 2) {
                    // Syncs may be slow for a while.
                    let at = now + Duration::from_millis(rng.below(400));
                    commits.push((at, journal.end()));
                    journal.commit_at(at, now);
                }
                // Nothing is old enough to be durable by itself.
                assert!(now < SimTime::ZERO + COMMIT_INTERVAL);
                let over = commits.iter().filter(|(at, _)| *at <= now);
                let upto = over.map(|(_, upto)| *upto).max().unwrap_or(0);
                assert_eq!(journal.committed(now), upto);
                covered_later += usize::from(upto > 0 && upto < journal.end());
            }
        }
        assert!(covered_later > 1_000, "{covered_later}");
    }
}
