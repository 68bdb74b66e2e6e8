//! Incremental fetches (KIP-227), as Kafka's `FetchSessionHandler`: after a first full request only what changed is
//! named.

use std::collections::BTreeMap;

use kafka_sim_core::TopicPartition;
use uuid::Uuid;

/// What a fetch asks of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) offset: i64,
    pub(super) leader_epoch: i32,
    /// Nil if unknown.
    pub(super) topic_id: Uuid,
}

/// The session with one broker.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    id: i32,
    /// Epoch of the next request; 0 asks for a new session.
    epoch: i32,
    partitions: BTreeMap<TopicPartition, Wanted>,
    by_id: bool,
}

/// What the next request has to say.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) session_id: i32,
    pub(super) session_epoch: i32,
    pub(super) named: Vec<(TopicPartition, Wanted)>,
    pub(super) forgotten: Vec<(TopicPartition, Uuid)>,
}

impl Session {
    /// Moves the session on to these partitions. `by_id` says whether the request names topics by id, which may
    /// not change within a session.
    pub(super) fn next(&mut self, wanted: BTreeMap<TopicPartition, Wanted>, by_id: bool) -> Change {
        if by_id != self.by_id {
            self.start_over();
        }
        self.by_id = by_id;
        let incremental = self.epoch != 0;
        let old = std::mem::replace(&mut self.partitions, wanted);
        let is_news =
            |(partition, wanted): &(&TopicPartition, &Wanted)| !incremental || old.get(partition) != Some(wanted);
        let named = self.partitions.iter().filter(is_news);
        let named = named.map(|(partition, wanted)| (partition.clone(), *wanted)).collect();
        let replaced = |partition: &TopicPartition, before: &Wanted| {
            self.partitions
                .get(partition)
                .is_none_or(|now| now.topic_id != before.topic_id)
        };
        let forgotten = old
            .iter()
            .filter(|(partition, before)| incremental && replaced(partition, before));
        Change {
            session_id: self.id,
            session_epoch: self.epoch,
            named,
            forgotten: forgotten
                .map(|(partition, before)| (partition.clone(), before.topic_id))
                .collect(),
        }
    }

    /// The broker answered without a session error.
    pub(super) fn answered(&mut self, session_id: i32) {
        if session_id == 0 {
            // No session, or not any more: full requests.
            self.id = 0;
            self.epoch = 0;
        } else {
            self.id = session_id;
            self.epoch = self.epoch.checked_add(1).unwrap_or(1);
        }
    }

    /// The broker does not know the session.
    pub(super) fn unknown(&mut self) {
        self.id = 0;
        self.epoch = 0;
    }

    /// The state of the session is in doubt: the next request closes it and asks for a new one.
    pub(super) fn start_over(&mut self) {
        self.epoch = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(offsets: &[(i32, i64)]) -> BTreeMap<TopicPartition, Wanted> {
        let entry = |&(partition, offset): &(i32, i64)| {
            let wanted = Wanted {
                offset,
                leader_epoch: 0,
                topic_id: Uuid::nil(),
            };
            (TopicPartition::new("t", partition), wanted)
        };
        offsets.iter().map(entry).collect()
    }

    fn names(change: &Change) -> Vec<i32> {
        change.named.iter().map(|(partition, _)| partition.partition).collect()
    }

    #[test]
    fn after_a_full_request_only_changes_are_named() {
        let mut session = Session::default();
        let full = session.next(wanted(&[(0, 5), (1, 5)]), false);
        assert_eq!((full.session_id, full.session_epoch, names(&full)), (0, 0, vec![0, 1]));
        session.answered(77);
        let change = session.next(wanted(&[(0, 6), (1, 5), (2, 0)]), false);
        assert_eq!(
            (change.session_id, change.session_epoch, names(&change)),
            (77, 1, vec![0, 2])
        );
        session.answered(77);
        let change = session.next(wanted(&[(0, 6), (2, 0)]), false);
        assert_eq!((change.session_epoch, names(&change)), (2, vec![]));
        assert_eq!(change.forgotten[0].0.partition, 1);
    }

    #[test]
    fn without_a_session_every_request_is_full() {
        let mut session = Session::default();
        session.next(wanted(&[(0, 5)]), false);
        session.answered(0);
        assert_eq!(names(&session.next(wanted(&[(0, 5)]), false)), [0]);
    }

    #[test]
    fn doubt_closes_the_session_and_opens_another() {
        let mut session = Session::default();
        session.next(wanted(&[(0, 5)]), false);
        session.answered(77);
        session.start_over();
        let change = session.next(wanted(&[(0, 5)]), false);
        assert_eq!(
            (change.session_id, change.session_epoch, names(&change)),
            (77, 0, vec![0])
        );
    }

    #[test]
    fn naming_topics_by_id_needs_a_session_of_its_own() {
        let mut session = Session::default();
        session.next(wanted(&[(0, 5)]), false);
        session.answered(77);
        assert_eq!(session.next(wanted(&[(0, 5)]), true).session_epoch, 0);
    }
}
