//! Applying the controller's metadata (BrokerMetadataPublisher, ReplicaManager.applyDelta).

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka_sim_core::TopicPartition;
use uuid::Uuid;

use super::{Broker, Ctx, Lifecycle};
use crate::config::{effective_log_config, min_insync_replicas};
use crate::log::OpenOptions;
use crate::peer::{FromController, MetadataImage, MetadataRecord, PartitionState, Tp};

impl Broker {
    /// A message that the controller sent of its own accord.
    pub(crate) fn on_controller_push(&mut self, ctx: &mut Ctx<'_>, message: FromController) {
        match message {
            FromController::Delta { from, to, records } => self.on_delta(ctx, from, to, &records),
            FromController::Snapshot { offset, image } => self.on_snapshot(ctx, offset, &image),
            _ => {}
        }
    }

    fn on_delta(&mut self, ctx: &mut Ctx<'_>, from: u64, to: u64, records: &[MetadataRecord]) {
        if from > self.metadata_offset || self.broker_epoch < 0 {
            if self.broker_epoch >= 0 {
                self.fetch_metadata(ctx);
            }
            return;
        }
        if to <= self.metadata_offset {
            return;
        }
        let known = usize::try_from(self.metadata_offset - from).expect("a delta holds few records");
        let mut touched = Touched::default();
        for record in &records[known..] {
            touched.note(record, &self.image);
            self.image.apply(record);
        }
        self.metadata_offset = to;
        self.apply_changes(ctx, &touched);
    }

    pub(crate) fn on_snapshot(&mut self, ctx: &mut Ctx<'_>, offset: u64, image: &Arc<MetadataImage>) {
        if offset < self.metadata_offset || self.broker_epoch < 0 {
            return;
        }
        self.metadata_offset = offset;
        let mut touched = Touched {
            configs: true,
            ..Touched::default()
        };
        let before = std::mem::replace(&mut self.image, MetadataImage::clone(image));
        touched.removed = before
            .topics
            .keys()
            .filter(|id| !self.image.topics.contains_key(*id))
            .copied()
            .collect();
        touched.names = before.names.keys().chain(self.image.names.keys()).cloned().collect();
        touched.new_topics = self.image.topics.keys().any(|id| !before.topics.contains_key(id));
        for topic in self.image.topics.values() {
            touched
                .partitions
                .extend((0_i32..).zip(&topic.partitions).map(|(partition, _)| Tp {
                    topic: topic.id,
                    partition,
                }));
        }
        self.remove_strays(ctx);
        self.apply_changes(ctx, &touched);
        if self.lifecycle == Lifecycle::CatchingUp {
            self.heartbeat(ctx);
        }
    }

    /// Replicas found on disk that the metadata does not assign to this broker.
    fn remove_strays(&mut self, ctx: &mut Ctx<'_>) {
        let id = self.id();
        let strays: Vec<Tp> = self
            .partitions
            .keys()
            .filter(|tp| !self.image.partition(**tp).is_some_and(|p| p.replicas.contains(&id)))
            .copied()
            .collect();
        self.remove_partitions(ctx, strays);
    }

    fn apply_changes(&mut self, ctx: &mut Ctx<'_>, touched: &Touched) {
        if touched.configs {
            self.reload_configs();
        }
        let id = self.id();
        let assigned = |tp: &Tp| self.image.partition(*tp).is_some_and(|p| p.replicas.contains(&id));
        let lost = |tp: &Tp| touched.removed.contains(&tp.topic) || (touched.partitions.contains(tp) && !assigned(tp));
        let gone: Vec<Tp> = self.partitions.keys().copied().filter(lost).collect();
        self.remove_partitions(ctx, gone);
        self.coordinator_sees_topics(&touched.names, touched.new_topics);
        if !touched.removed.is_empty() {
            self.coordinator_forgets_deleted_topics(ctx);
        }
        for tp in &touched.partitions {
            let Some(state) = self.image.partition(*tp).cloned() else {
                continue;
            };
            if state.replicas.contains(&id) {
                self.apply_partition(ctx, *tp, &state);
            }
        }
        self.kick_fetchers(ctx);
        if touched.brokers {
            let led: Vec<Tp> = self
                .partitions
                .values()
                .filter(|p| p.is_leader())
                .map(|p| p.tp)
                .collect();
            for tp in led {
                self.advance_high_watermark(ctx, tp);
            }
        }
        crate::api::delete_records::recheck(self, ctx);
    }

    fn apply_partition(&mut self, ctx: &mut Ctx<'_>, tp: Tp, state: &PartitionState) {
        if self.log_dir_offline {
            return;
        }
        if !self.partitions.contains_key(&tp) {
            self.create_partition(ctx, tp);
        }
        self.take_role(ctx, tp, state);
    }

    fn create_partition(&mut self, ctx: &mut Ctx<'_>, tp: Tp) {
        let topic = self.image.topics[&tp.topic].name.clone();
        let config = self.log_config(&topic);
        let name = TopicPartition {
            topic,
            partition: tp.partition,
        };
        let mut id = Uuid::encode_buffer();
        let id = tp.topic.hyphenated().encode_lower(&mut id);
        let metadata = ["version: 0\ntopic_id: ", id, "\n"].concat();
        let path = [&name.to_string(), "/partition.metadata"].concat();
        if ctx.disk.write_checkpoint(&path, metadata.into(), ctx.now).is_err() {
            return self.fail_log_dir(ctx);
        }
        let options = OpenOptions {
            clean: true,
            recovery_point: 0,
            log_start: 0,
            now: ctx.now,
            now_ms: ctx.now_ms,
        };
        self.open_partition(ctx, tp, name, config, options, 0);
        self.set_min_isr(tp);
    }

    /// Its partitions share what was worked out for the first.
    fn log_config(&self, topic: &Arc<str>) -> crate::log::LogConfig {
        let mut hosted = self.partitions.values();
        match hosted.find(|partition| partition.name.topic == *topic) {
            Some(partition) => partition.log.config().clone(),
            None => effective_log_config(&self.config, self.image.overrides(topic)),
        }
    }

    fn set_min_isr(&mut self, tp: Tp) {
        let Some(partition) = self.partitions.get(&tp) else {
            return;
        };
        let value = min_insync_replicas(&self.config, self.image.overrides(&partition.name.topic));
        if let Some(partition) = self.partitions.get_mut(&tp) {
            partition.min_insync_replicas = value;
        }
    }

    /// Dynamic overrides of this broker and of the cluster, then what they mean for each topic.
    fn reload_configs(&mut self) {
        self.config = self.spec.config.with_dynamic(&self.image, self.id());
        let tps: Vec<Tp> = self.partitions.keys().copied().collect();
        for of_topic in tps.chunk_by(|a, b| a.topic == b.topic) {
            let topic = &self.partitions[&of_topic[0]].name.topic;
            let config = effective_log_config(&self.config, self.image.overrides(topic));
            for tp in of_topic {
                self.set_min_isr(*tp);
                if let Some(partition) = self.partitions.get_mut(tp) {
                    partition.log.update_config(config.clone());
                }
            }
        }
    }
}

/// What a run of records changed.
#[derive(Default)]
struct Touched {
    partitions: BTreeSet<Tp>,
    removed: BTreeSet<Uuid>,
    /// Topics that appeared, changed or are gone.
    names: BTreeSet<Arc<str>>,
    new_topics: bool,
    configs: bool,
    brokers: bool,
}

impl Touched {
    fn note(&mut self, record: &MetadataRecord, before: &MetadataImage) {
        match record {
            MetadataRecord::Topic(topic) => {
                self.names.insert(topic.name.clone());
                self.new_topics |= !before.topics.contains_key(&topic.id);
                let known = before.topics.get(&topic.id).map_or(0, |t| t.partitions.len());
                debug_assert!(known <= topic.partitions.len(), "partitions are never taken away");
                self.partitions
                    .extend((0_i32..).zip(&topic.partitions).map(|(partition, _)| Tp {
                        topic: topic.id,
                        partition,
                    }));
            }
            MetadataRecord::Partition(tp, _) => {
                self.names
                    .extend(before.topics.get(&tp.topic).map(|topic| topic.name.clone()));
                self.partitions.insert(*tp);
            }
            MetadataRecord::RemoveTopic(id) => {
                self.names.extend(before.topics.get(id).map(|topic| topic.name.clone()));
                self.removed.insert(*id);
            }
            MetadataRecord::Broker(_) => self.brokers = true,
            MetadataRecord::Config(..) => self.configs = true,
        }
    }
}
