//! Where to begin: committed offsets, and the reset policy where there is none.

use kafka_protocol::messages::OffsetFetchResponse;
use kafka_sim_core::{ErrorCode, SimTime, TopicPartition};

use super::{
    Consumer, Outputs,
    ask::Ask,
    member::Generation,
    report,
    types::{ConsumerError, ConsumerOutcome, Repositioning},
};

/// The look-up of committed offsets under way.
#[derive(Clone, Debug)]
pub(super) enum Lookup {
    Idle,
    Asked {
        generation: Option<Generation>,
        partitions: Vec<TopicPartition>,
    },
    NotBefore(SimTime),
}

/// A committed offset as the coordinator tells it: -1 is none.
type Committed = (TopicPartition, i64, i32, ErrorCode);

impl Consumer {
    /// Finds positions for partitions that have none. False while that takes.
    pub(super) fn find_positions(&mut self, now: SimTime) -> Result<bool, ConsumerError> {
        let initializing: Vec<TopicPartition> = self.reader.initializing().cloned().collect();
        if initializing.is_empty() {
            return Ok(true);
        }
        if self.config.group_id.is_none() {
            return self.reset_initializing(&initializing).map(|()| true);
        }
        let generation = self.stable_generation();
        match &self.lookup {
            Lookup::Asked {
                generation: asked_as,
                partitions,
            } if *asked_as == generation && *partitions == initializing => return Ok(false),
            Lookup::NotBefore(at) if *at > now => {
                let at = *at;
                self.look_again_at(at);
                return Ok(false);
            }
            _ => {}
        }
        if !self.coordinator.is_known() {
            return Ok(false);
        }
        self.lookup = Lookup::Asked {
            generation: generation.clone(),
            partitions: initializing.clone(),
        };
        self.ask(Ask::FetchOffsets {
            generation: generation.unwrap_or_else(Generation::none),
            partitions: initializing,
        });
        Ok(false)
    }

    /// Applies the reset policy to partitions nothing is committed for.
    fn reset_initializing(&mut self, partitions: &[TopicPartition]) -> Result<(), ConsumerError> {
        let Some(start) = self.reader.reset_start() else {
            return Err(ConsumerError::NoOffset(partitions.to_vec()));
        };
        for partition in partitions {
            self.reader.look_up(partition, start);
            self.moved.insert(partition.clone(), Repositioning::NothingCommitted);
        }
        Ok(())
    }

    pub(super) fn offsets_lost(&mut self, partitions: &[TopicPartition], now: SimTime) {
        if matches!(&self.lookup, Lookup::Asked { partitions: asked, .. } if asked == partitions) {
            let pause = self.backoff.pause(self.lookup_attempts, &mut self.rng);
            self.lookup_attempts = self.lookup_attempts.saturating_add(1);
            self.lookup = Lookup::NotBefore(now + pause);
        }
    }

    pub(super) fn offsets_answered(
        &mut self,
        asked: &[TopicPartition],
        answer: &OffsetFetchResponse,
        now: SimTime,
        out: &mut Outputs,
    ) {
        if !matches!(&self.lookup, Lookup::Asked { partitions, .. } if partitions == asked) {
            return;
        }
        let (error, offsets) = read(answer);
        let unstable = |offset: &Committed| offset.3 == ErrorCode::UNSTABLE_OFFSET_COMMIT;
        let refused = offsets
            .iter()
            .map(|offset| offset.3)
            .find(|error| !error.is_ok() && *error != ErrorCode::UNSTABLE_OFFSET_COMMIT);
        if matches!(error, ErrorCode::COORDINATOR_NOT_AVAILABLE | ErrorCode::NOT_COORDINATOR) {
            self.coordinator_unknown(false, now, out);
            self.offsets_lost(asked, now);
        } else if error.is_retriable() || (self.modern.is_some() && error == ErrorCode::STALE_MEMBER_EPOCH) {
            self.offsets_lost(asked, now);
        } else if !error.is_ok() || refused.is_some() {
            self.lookup = Lookup::Idle;
            let error = refused.filter(|_| error.is_ok()).unwrap_or(error);
            self.failures.push_back(ConsumerError::Broker(error));
        } else if offsets.iter().any(unstable) {
            self.offsets_lost(asked, now);
        } else {
            self.lookup = Lookup::Idle;
            self.lookup_attempts = 0;
            self.take_committed(offsets, out);
        }
    }

    fn take_committed(&mut self, offsets: Vec<Committed>, out: &mut Outputs) {
        let mut without = Vec::new();
        let initializing: std::collections::BTreeSet<TopicPartition> = self.reader.initializing().cloned().collect();
        for (partition, offset, epoch, _) in offsets {
            if !initializing.contains(&partition) {
                continue;
            }
            if offset < 0 {
                without.push(partition);
                continue;
            }
            self.reader
                .set_position(&partition, offset, (epoch >= 0).then_some(epoch));
            let why = Repositioning::Committed;
            report(ConsumerOutcome::Repositioned { partition, offset, why }, out);
        }
        if !without.is_empty()
            && let Err(error) = self.reset_initializing(&without)
        {
            self.failures.push_back(error);
        }
    }

    /// Tells of positions that were looked up.
    pub(super) fn report_moved(&mut self, out: &mut Outputs) {
        let known: Vec<_> = self
            .moved
            .keys()
            .filter_map(|partition| Some((partition.clone(), self.position(partition)?)))
            .collect();
        for (partition, offset) in known {
            if let Some(why) = self.moved.remove(&partition) {
                report(ConsumerOutcome::Repositioned { partition, offset, why }, out);
            }
        }
    }
}

/// The error of the whole answer, and what it says of each partition.
fn read(answer: &OffsetFetchResponse) -> (ErrorCode, Vec<Committed>) {
    let mut offsets = Vec::new();
    if let Some(group) = answer.groups.first() {
        for topic in &group.topics {
            let name: std::sync::Arc<str> = topic.name.as_str().into();
            offsets.extend(topic.partitions.iter().map(|partition| {
                (
                    TopicPartition::new(name.clone(), partition.partition_index),
                    partition.committed_offset,
                    partition.committed_leader_epoch,
                    ErrorCode::from(partition.error_code),
                )
            }));
        }
        return (ErrorCode::from(group.error_code), offsets);
    }
    for topic in &answer.topics {
        let name: std::sync::Arc<str> = topic.name.as_str().into();
        offsets.extend(topic.partitions.iter().map(|partition| {
            (
                TopicPartition::new(name.clone(), partition.partition_index),
                partition.committed_offset,
                partition.committed_leader_epoch,
                ErrorCode::from(partition.error_code),
            )
        }));
    }
    (ErrorCode::from(answer.error_code), offsets)
}
