//! Showing the [inspector](crate::invariant) what there is.

use kafka_sim_core::TopicPartition;

use super::Cluster;
use crate::config::min_insync_replicas;
use crate::invariant::{Breach, Hosted, Partition};
use crate::peer::Tp;

impl Cluster {
    /// Looks at every partition now, and returns every invariant that did not hold so far, the first break of each
    /// partition and kind.
    pub fn inspect(&mut self) -> &[Breach] {
        self.inspect_all();
        self.inspector.breaches()
    }

    /// Invariants that did not hold so far with something that [excuses](crate::invariant::Excuse) it, the first break of
    /// each partition and kind.
    pub fn excused(&self) -> &[Breach] {
        self.inspector.excused()
    }

    /// The turn is over.
    pub(super) fn inspect_turn(&mut self) {
        if self.inspector.has_work() {
            let touched = self.inspector.take_touched();
            for tp in &touched {
                self.inspect_partition(*tp, false);
            }
            self.inspector.reuse(touched);
        }
        if self.inspector.is_checkpoint(self.steps) {
            self.inspect_all();
        }
    }

    fn inspect_all(&mut self) {
        let topics = self.controller.image().topics.values();
        let partitions = topics.flat_map(|topic| {
            (0_i32..)
                .zip(&topic.partitions)
                .map(|(partition, _)| (topic.id, partition))
        });
        let tps: Vec<Tp> = partitions.map(|(topic, partition)| Tp { topic, partition }).collect();
        for tp in tps {
            self.inspect_partition(tp, true);
        }
    }

    fn inspect_partition(&mut self, tp: Tp, fully: bool) {
        let image = self.controller.image();
        let (Some(state), Some(topic)) = (image.partition(tp), image.topics.get(&tp.topic)) else {
            return self.inspector.forget(tp);
        };
        let overrides = image.overrides(&topic.name);
        let hosted = self.nodes.iter().filter_map(|node| {
            let broker = node.broker.as_deref().filter(|broker| !broker.log_dir_offline)?;
            let replica = broker.partitions.get(&tp)?;
            let recorded = image.brokers.get(&node.id())?;
            Some(Hosted {
                broker: node.id(),
                registered: recorded.epoch == broker.broker_epoch,
                leads: replica.is_leader().then_some(replica.leader_epoch),
                high_watermark: replica.high_watermark,
                maximal_isr: replica.isr.maximal().collect(),
                log: &replica.log,
                shard: replica.is_leader().then(|| broker.shard_of_partition(tp)).flatten(),
            })
        });
        let hosted: smallvec::SmallVec<[Hosted<'_>; 4]> = hosted.collect();
        let partition = Partition {
            name: &TopicPartition {
                topic: topic.name.clone(),
                partition: tp.partition,
            },
            state,
            min_isr: min_insync_replicas(self.controller.defaults(), overrides).min(state.replicas.len()),
            elr: self.config.broker_config.eligible_leader_replicas_enable,
            exists: &|name| image.names.contains_key(name),
            fully,
        };
        let now_ms = self.config.wall_clock.millis_at(self.now);
        self.inspector.look(self.now, now_ms, tp, partition, &hosted);
    }

    /// Unsynced bytes of a machine are gone. What a partition flushes with every message is not among them, unless the
    /// disk was at fault.
    pub(super) fn unsynced_lost(&mut self, index: usize) {
        let image = self.controller.image();
        let node = &self.nodes[index];
        let flushes = |tp: Tp| {
            image.topics.get(&tp.topic).is_some_and(|topic| {
                let overrides = image.overrides(&topic.name);
                crate::config::effective_log_config(&node.spec.config, overrides).flush_messages <= 1
            })
        };
        let trusted = !node.distrusted;
        self.inspector.lost_data(node.id(), |tp| !(trusted && flushes(tp)));
    }
}
