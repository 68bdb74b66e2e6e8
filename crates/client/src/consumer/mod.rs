//! The model consumer: a member of a group, or a reader of assigned partitions that commits its positions.

mod types;

use std::{sync::Arc, time::Duration};

use kafka_sim_core::{ConfigError, Seed, SimTime, TopicPartition};

pub use self::types::{ConsumerError, ConsumerOutcome, ConsumerRecord, GroupState, Repositioning};
use crate::{
    config::ConsumerConfig,
    io::{ClientInput, ClientOutput},
    reader::{Reader, StartAt},
};

/// What the consumer emits.
type Outputs = Vec<ClientOutput<ConsumerOutcome>>;

/// A consumer that behaves like Kafka's `KafkaConsumer`: one per application process.
///
/// Calls that block in Java return at once here, and their end is told with an outcome: each [`poll`](Self::poll)
/// ends with one `Polled` or `PollFailed`, each commit with one `Committed`, [`close`](Self::close) with one `Closed`.
/// An application makes one blocking call after the other, as a thread would; only from within a callback a
/// [`commit_sync`](Self::commit_sync) may come during a poll.
#[derive(Clone, Debug)]
pub struct Consumer {
    reader: Reader,
}

impl Consumer {
    /// A consumer that knows the cluster by these addresses. `index` tells consumers of one run apart: each gets
    /// random streams of its own from `seed`.
    ///
    /// # Errors
    /// Conflicting settings, see [`ConsumerConfig::validate`]; an empty bootstrap list.
    pub fn new(
        config: ConsumerConfig,
        bootstrap: Vec<(Arc<str>, u16)>,
        seed: Seed,
        index: u64,
    ) -> Result<Consumer, ConfigError> {
        config.validate()?;
        let reader = Reader::new(config.reader.clone(), bootstrap, seed, index)?;
        Ok(Consumer { reader })
    }

    /// Joins the group for these topics with the next poll, instead of those subscribed to before.
    pub fn subscribe(&mut self, now: SimTime, topics: &[Arc<str>], out: &mut Outputs) {
        let _ = (now, topics, out);
    }

    /// The same for all topics whose whole name matches the pattern. With `group.protocol=consumer` the coordinator
    /// matches.
    ///
    /// # Errors
    /// A pattern that is not a regular expression.
    pub fn subscribe_pattern(&mut self, now: SimTime, pattern: &str, out: &mut Outputs) -> Result<(), ConfigError> {
        let _ = (now, pattern, out);
        Ok(())
    }

    /// Reads these partitions without joining the group.
    pub fn assign(&mut self, now: SimTime, partitions: &[TopicPartition], out: &mut Outputs) {
        let _ = (now, partitions, out);
    }

    /// Gives everything up and leaves the group.
    pub fn unsubscribe(&mut self, now: SimTime, out: &mut Outputs) {
        let _ = (now, out);
    }

    /// Moves the position of an assigned partition.
    pub fn seek(&mut self, now: SimTime, partition: &TopicPartition, to: StartAt, out: &mut Outputs) {
        let _ = (now, partition, to, out);
    }

    /// Polls return nothing from these partitions until they are resumed.
    pub fn pause(&mut self, partitions: &[TopicPartition]) {
        let _ = partitions;
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&mut self, partitions: &[TopicPartition]) {
        let _ = partitions;
    }

    /// Waits up to `timeout` for records, and does what the group asks for in between: joining, callbacks, automatic
    /// commits. Ends with one `Polled` or `PollFailed`.
    pub fn poll(&mut self, now: SimTime, timeout: Duration, out: &mut Outputs) {
        let _ = (now, timeout, out);
    }

    /// Commits the given offsets, each the next one to read, or with `None` all positions that polls have reached.
    /// Repeated up to `default.api.timeout.ms` where that helps. Ends with one `Committed`.
    pub fn commit_sync(
        &mut self,
        now: SimTime,
        token: u64,
        offsets: Option<Vec<(TopicPartition, i64)>>,
        out: &mut Outputs,
    ) {
        let _ = (now, token, offsets, out);
    }

    /// The same without waiting and without repetition. `Committed` comes when the answer is there and the application
    /// polls, commits or closes, as in Java.
    pub fn commit_async(
        &mut self,
        now: SimTime,
        token: u64,
        offsets: Option<Vec<(TopicPartition, i64)>>,
        out: &mut Outputs,
    ) {
        let _ = (now, token, offsets, out);
    }

    /// Commits if that is automatic, leaves the group if the member is not static, and closes all connections: when
    /// that is done or `timeout` has passed. Ends with one `Closed`.
    pub fn close(&mut self, now: SimTime, timeout: Duration, out: &mut Outputs) {
        let _ = (now, timeout, out);
    }

    /// The application returned from the callback that `Assigned`, `Revoked` or `Lost` began.
    pub fn callback_done(&mut self, now: SimTime, out: &mut Outputs) {
        let _ = (now, out);
    }

    /// Ends like a process that is killed: nothing is sent or reported any more, and its connections are gone.
    pub fn kill(&mut self) {
        self.reader.kill();
    }

    /// Takes in what happened to a connection.
    pub fn handle(&mut self, now: SimTime, input: ClientInput, out: &mut Outputs) {
        let _ = (now, input, out);
    }

    /// Fires what is due.
    pub fn advance(&mut self, now: SimTime, out: &mut Outputs) {
        let _ = (now, out);
    }

    /// When [`advance`](Self::advance) has something to do although nothing arrives until then.
    pub fn next_due(&self) -> Option<SimTime> {
        self.reader.next_due()
    }

    /// The next offset a poll will return of an assigned partition, or `None` while that is not known.
    pub fn position(&self, partition: &TopicPartition) -> Option<i64> {
        let mut positions = self.reader.positions();
        positions.find(|(assigned, _)| *assigned == partition)?.1
    }

    /// The partitions the consumer owns, in order.
    pub fn assignment(&self) -> impl Iterator<Item = &TopicPartition> {
        self.reader.positions().map(|(partition, _)| partition)
    }

    /// How the consumer stands in its group.
    pub fn group_state(&self) -> GroupState {
        GroupState {
            member_id: "".into(),
            epoch: -1,
            joined: false,
        }
    }
}
