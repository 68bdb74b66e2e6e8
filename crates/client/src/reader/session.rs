//! Incremental fetches (KIP-227), as Kafka's `FetchSessionHandler`: after a first full request only what changed is
//! named.

use std::cmp::Ordering;

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

/// A partition of a session, as the last request had it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) partition: TopicPartition,
    pub(super) wanted: Wanted,
    /// The last request had to name it.
    pub(super) named: bool,
}

/// The session with one broker.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    id: i32,
    /// Epoch of the next request; 0 asks for a new session.
    epoch: i32,
    /// In order.
    partitions: Vec<Held>,
    by_id: bool,
    /// The last request has no answer so far.
    pub(super) awaited: bool,
    /// What the last look at all partitions has found out.
    pub(super) round: Round,
    /// The number of the look after which the last request was made.
    pub(super) look: u64,
}

/// What there is to ask of one broker as long as the last look at all partitions holds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Round {
    /// Some partition is to be fetched from it.
    pub(super) asks: bool,
    /// Something fetched from it has not been taken. Leaving that partition out of a fetch would end its place in the
    /// session, so the broker is asked for nothing at all.
    pub(super) held_up: bool,
    /// The id of some topic is not known.
    pub(super) lacks_ids: bool,
}

/// What the next request has to say besides the partitions it names.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) session_id: i32,
    pub(super) session_epoch: i32,
    pub(super) forgotten: Vec<(TopicPartition, Uuid)>,
}

impl Session {
    /// Moves the session on to these partitions, which come in order. `by_id` says whether the request names topics by
    /// id, which may not change within a session.
    pub(super) fn next<'a>(
        &mut self,
        wanted: impl Iterator<Item = (&'a TopicPartition, Wanted)>,
        by_id: bool,
    ) -> Change {
        if by_id != self.by_id {
            self.start_over();
        }
        self.by_id = by_id;
        let incremental = self.epoch != 0;
        let mut forgotten = Vec::new();
        let mut at = 0;
        for (partition, wanted) in wanted {
            let mut order = self.order(at, partition);
            while order == Ordering::Less {
                let gone = self.partitions.remove(at);
                forgotten.push((gone.partition, gone.wanted.topic_id));
                order = self.order(at, partition);
            }
            match self.partitions.get_mut(at).filter(|_| order == Ordering::Equal) {
                Some(held) => {
                    if held.wanted.topic_id != wanted.topic_id {
                        forgotten.push((partition.clone(), held.wanted.topic_id));
                    }
                    held.named = !incremental || held.wanted != wanted;
                    held.wanted = wanted;
                }
                None => {
                    let (partition, named) = (partition.clone(), true);
                    let held = Held {
                        partition,
                        wanted,
                        named,
                    };
                    self.partitions.insert(at, held);
                }
            }
            at += 1;
        }
        if at < self.partitions.len() {
            let gone = self.partitions.drain(at..);
            forgotten.extend(gone.map(|gone| (gone.partition, gone.wanted.topic_id)));
        }
        if !incremental {
            forgotten.clear();
        }
        self.change(forgotten)
    }

    /// Whether a request that names topics by id or not can do with what has changed since the last one.
    pub(super) fn goes_on(&self, by_id: bool) -> bool {
        self.epoch != 0 && self.by_id == by_id
    }

    /// Moves the session on to where the same partitions are now, of which nothing else has changed. Only if it
    /// [goes on](Self::goes_on).
    pub(super) fn move_on(&mut self, position: impl Fn(&TopicPartition) -> Option<i64>) -> Change {
        for held in &mut self.partitions {
            let offset = position(&held.partition).unwrap_or(held.wanted.offset);
            held.named = held.wanted.offset != offset;
            held.wanted.offset = offset;
        }
        self.change(Vec::new())
    }

    fn change(&self, forgotten: Vec<(TopicPartition, Uuid)>) -> Change {
        Change {
            session_id: self.id,
            session_epoch: self.epoch,
            forgotten,
        }
    }

    /// Whether the partition at this place comes before the given one, or is it. Where there is none, it comes behind.
    fn order(&self, at: usize, partition: &TopicPartition) -> Ordering {
        let held = self.partitions.get(at);
        held.map_or(Ordering::Greater, |held| held.partition.cmp(partition))
    }

    /// Whether the last request had to name any topic.
    pub(super) fn names_some(&self) -> bool {
        self.partitions.iter().any(|held| held.named)
    }

    /// The topics the last request had to name, each with all its partitions.
    pub(super) fn named_topics(&self) -> impl Iterator<Item = &[Held]> {
        let topics = self.partitions.chunk_by(|a, b| a.partition.topic == b.partition.topic);
        topics.filter(|topic| topic.iter().any(|held| held.named))
    }

    /// The partitions the last request was about, named or not.
    pub(super) fn partitions(&self) -> &[Held] {
        &self.partitions
    }

    /// Hands the partitions out while an answer about them is taken in.
    pub(super) fn lend(&mut self) -> Vec<Held> {
        std::mem::take(&mut self.partitions)
    }

    /// Takes them back.
    pub(super) fn take_back(&mut self, partitions: Vec<Held>) {
        self.partitions = partitions;
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

    fn next(session: &mut Session, offsets: &[(i32, i64)], by_id: bool) -> Change {
        let entry = |&(partition, offset): &(i32, i64)| {
            let wanted = Wanted {
                offset,
                leader_epoch: 0,
                topic_id: Uuid::nil(),
            };
            (TopicPartition::new("t", partition), wanted)
        };
        let wanted: Vec<(TopicPartition, Wanted)> = offsets.iter().map(entry).collect();
        session.next(wanted.iter().map(|(partition, wanted)| (partition, *wanted)), by_id)
    }

    fn names(session: &Session) -> Vec<i32> {
        let named = session.named_topics().flatten().filter(|held| held.named);
        named.map(|held| held.partition.partition).collect()
    }

    #[test]
    fn after_a_full_request_only_changes_are_named() {
        let mut session = Session::default();
        let full = next(&mut session, &[(0, 5), (1, 5)], false);
        assert_eq!((full.session_id, full.session_epoch), (0, 0));
        assert_eq!(names(&session), [0, 1]);
        session.answered(77);
        let change = next(&mut session, &[(0, 6), (1, 5), (2, 0)], false);
        assert_eq!((change.session_id, change.session_epoch), (77, 1));
        assert_eq!(names(&session), [0, 2]);
        session.answered(77);
        let change = next(&mut session, &[(0, 6), (2, 0)], false);
        assert_eq!((change.session_epoch, names(&session)), (2, vec![]));
        assert_eq!(change.forgotten[0].0.partition, 1);
    }

    #[test]
    fn where_only_positions_have_changed_those_that_moved_are_named() {
        let mut session = Session::default();
        next(&mut session, &[(0, 5), (1, 5)], false);
        assert!(!session.goes_on(false), "a full request names everything");
        session.answered(77);
        assert!(session.goes_on(false) && !session.goes_on(true));
        let change = session.move_on(|partition| (partition.partition == 1).then_some(6));
        assert_eq!((change.session_id, change.session_epoch), (77, 1));
        assert_eq!((names(&session), session.names_some()), (vec![1], true));
        session.answered(77);
        let change = session.move_on(|_| None);
        assert_eq!((change.session_epoch, change.forgotten), (2, vec![]));
        assert_eq!((names(&session), session.names_some()), (vec![], false));
        next(&mut session, &[(0, 5), (1, 7)], false);
        assert_eq!(names(&session), [1], "it goes on from where it was moved to");
    }

    #[test]
    fn what_is_left_out_at_either_end_is_forgotten_and_the_rest_is_kept() {
        let mut session = Session::default();
        next(&mut session, &[(0, 1), (1, 1), (2, 1)], false);
        session.answered(77);
        let change = next(&mut session, &[(1, 1)], false);
        let forgotten: Vec<i32> = change.forgotten.iter().map(|(gone, _)| gone.partition).collect();
        assert_eq!((forgotten, names(&session)), (vec![0, 2], vec![]));
        assert_eq!(session.partitions().len(), 1);
    }

    #[test]
    fn a_full_request_forgets_nothing() {
        let mut session = Session::default();
        next(&mut session, &[(0, 1), (1, 1)], false);
        session.answered(77);
        session.start_over();
        assert_eq!(next(&mut session, &[(1, 1)], false).forgotten, []);
        assert_eq!(names(&session), [1]);
    }

    #[test]
    fn without_a_session_every_request_is_full() {
        let mut session = Session::default();
        next(&mut session, &[(0, 5)], false);
        session.answered(0);
        next(&mut session, &[(0, 5)], false);
        assert_eq!(names(&session), [0]);
    }

    #[test]
    fn doubt_closes_the_session_and_opens_another() {
        let mut session = Session::default();
        next(&mut session, &[(0, 5)], false);
        session.answered(77);
        session.start_over();
        let change = next(&mut session, &[(0, 5)], false);
        assert_eq!((change.session_id, change.session_epoch), (77, 0));
        assert_eq!(names(&session), [0]);
    }

    #[test]
    fn naming_topics_by_id_needs_a_session_of_its_own() {
        let mut session = Session::default();
        next(&mut session, &[(0, 5)], false);
        session.answered(77);
        assert_eq!(next(&mut session, &[(0, 5)], true).session_epoch, 0);
    }
}
