//! From a record to the brokers: records change the image when they are written, and travel as one delta per batch.

use std::sync::Arc;

use kafka_sim_core::{BrokerId, SimTime};

use super::{Controller, ControllerEvent, ControllerOutput};
use crate::peer::{ConfigResource, FromController, MetadataRecord, PartitionState, Tp};

/// Records that were written and not yet published, and what they mean.
#[derive(Default, Debug)]
pub(super) struct Changes {
    pub(super) records: Vec<MetadataRecord>,
    pub(super) events: Vec<ControllerEvent>,
}

impl Controller {
    /// Writes a record: it changes the image and waits in `changes` to be published.
    pub(super) fn write(&mut self, record: MetadataRecord, changes: &mut Changes) {
        self.note_events(&record, &mut changes.events);
        Arc::make_mut(&mut self.image).apply(&record);
        self.offset += 1;
        if let MetadataRecord::Config(ConfigResource::ClusterDefault, ..) = record {
            self.defaults = self.properties.with_dynamic(&self.image, BrokerId(-1));
        }
        changes.records.push(record);
    }

    /// Sends the written records to every registered broker but `except`, and starts the timers they call for.
    pub(super) fn publish(
        &mut self,
        now: SimTime,
        changes: Changes,
        except: Option<BrokerId>,
        out: &mut Vec<ControllerOutput>,
    ) {
        if changes.records.is_empty() {
            return;
        }
        out.extend(changes.events.into_iter().map(ControllerOutput::Event));
        self.start_timers(now, &changes.records);
        let to_offset = self.offset;
        let from_offset = to_offset - changes.records.len() as u64;
        let records: Arc<[MetadataRecord]> = changes.records.into();
        for (&to, session) in self.sessions.iter_mut().filter(|(id, _)| Some(**id) != except) {
            session.last_push = now;
            let msg = FromController::Delta {
                from: from_offset,
                to: to_offset,
                records: records.clone(),
            };
            out.push(ControllerOutput::Push { to, msg });
        }
    }

    /// The whole image.
    pub(super) fn snapshot(&self) -> FromController {
        FromController::Snapshot {
            offset: self.offset,
            image: self.image.clone(),
        }
    }

    /// Must run before the record is applied: it compares with what was.
    fn note_events(&self, record: &MetadataRecord, events: &mut Vec<ControllerEvent>) {
        match record {
            MetadataRecord::Topic(topic) => events.push(ControllerEvent::TopicCreated {
                id: topic.id,
                name: topic.name.clone(),
                partitions: topic.partitions.len(),
            }),
            MetadataRecord::Partition(tp, state) => self.note_partition(*tp, state, events),
            MetadataRecord::RemoveTopic(id) => {
                events.extend(self.image.topics.get(id).map(|topic| ControllerEvent::TopicDeleted {
                    id: *id,
                    name: topic.name.clone(),
                }))
            }
            MetadataRecord::Broker(broker) => {
                let before = self
                    .image
                    .brokers
                    .get(&broker.id)
                    .filter(|before| before.epoch == broker.epoch);
                let Some(before) = before else { return };
                match (before.fenced, broker.fenced) {
                    (false, true) => events.push(ControllerEvent::Fenced { broker: broker.id }),
                    (true, false) => events.push(ControllerEvent::Unfenced { broker: broker.id }),
                    _ => {}
                }
                if broker.in_controlled_shutdown && !before.in_controlled_shutdown {
                    events.push(ControllerEvent::ControlledShutdown { broker: broker.id });
                }
            }
            MetadataRecord::Config(resource, key, value) => events.push(ControllerEvent::ConfigChanged {
                resource: resource.clone(),
                key: key.clone(),
                value: value.clone(),
            }),
        }
    }

    fn note_partition(&self, tp: Tp, state: &PartitionState, events: &mut Vec<ControllerEvent>) {
        let Some(topic) = self.image.topics.get(&tp.topic) else {
            return;
        };
        let name = topic.name.clone();
        let Some(before) = self.image.partition(tp) else {
            events.push(ControllerEvent::PartitionAdded { tp, name });
            return;
        };
        if before.leader != state.leader {
            events.push(match state.leader {
                Some(leader) => ControllerEvent::LeaderElected {
                    tp,
                    name: name.clone(),
                    leader,
                    leader_epoch: state.leader_epoch,
                    unclean: !before.isr.contains(&leader) && !before.elr.contains(&leader),
                },
                None => ControllerEvent::LeaderLost {
                    tp,
                    name: name.clone(),
                    leader_epoch: state.leader_epoch,
                },
            });
        }
        if before.isr != state.isr || before.elr != state.elr {
            events.push(ControllerEvent::IsrChanged {
                tp,
                name,
                was: before.isr.clone(),
                isr: state.isr.clone(),
                elr: state.elr.clone(),
                partition_epoch: state.partition_epoch,
            });
        }
    }
}
