//! What every process of a closed world is made from.

use std::sync::Arc;

use kafka_sim_client::{Consumer, ConsumerConfig, Producer, ProducerConfig};
use kafka_sim_cluster::disk::DiskConfig;
use kafka_sim_core::{ConfigError, Seed, SimTime, WallClock};

/// The surroundings of an application.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub(super) seed: Seed,
    pub(super) listeners: Vec<(Arc<str>, u16)>,
    pub(super) wall_clock: WallClock,
    pub(super) disk: DiskConfig,
    /// When the workload begins.
    pub(super) start: SimTime,
}

/// The number under which process `life` of application `index` draws. Draws of one move nothing in another.
fn stream(index: u32, life: u32) -> u64 {
    u64::from(index) | (u64::from(life) << 32)
}

impl Home {
    /// The producer of process `life`, from 0, of application `index`.
    pub(super) fn producer(&self, config: &ProducerConfig, index: u32, life: u32) -> Result<Producer, ConfigError> {
        let producer = Producer::new(config.clone(), self.listeners.clone(), self.seed, stream(index, life))?;
        Ok(producer.with_wall_clock(self.wall_clock))
    }

    /// The consumer of process `life`, from 0, of member `index` of all.
    pub(super) fn consumer(&self, config: &ConsumerConfig, index: u32, life: u32) -> Result<Consumer, ConfigError> {
        let consumer = Consumer::new(config.clone(), self.listeners.clone(), self.seed, stream(index, life))?;
        Ok(consumer.with_wall_clock(self.wall_clock))
    }
}
