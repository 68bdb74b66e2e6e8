//! AllocateProducerIds (ProducerIdControlManager).

use kafka_sim_core::{BrokerId, ErrorCode};

use super::Controller;

/// Ids in a block.
const BLOCK: i64 = 1000;

impl Controller {
    /// The first id of a block that nobody else ever gets.
    pub(super) fn allocate_producer_ids(&mut self, broker: BrokerId, epoch: i64) -> Result<i64, ErrorCode> {
        self.check_broker_epoch(broker, epoch)?;
        let first = self.next_producer_id;
        self.next_producer_id += BLOCK;
        Ok(first)
    }
}
