//! What was read for a consumer.

use std::ops::Range;

use kafka_sim_core::batch::Batch;
use kafka_sim_core::{BrokerId, ErrorCode, Offset};

/// What was read of one partition.
#[derive(Clone, Debug)]
pub(crate) struct FetchRead {
    pub(crate) error: ErrorCode,
    pub(crate) high_watermark: Offset,
    pub(crate) last_stable_offset: Offset,
    pub(crate) log_start: Offset,
    pub(crate) diverging: Option<(i32, Offset)>,
    pub(crate) preferred_read_replica: Option<BrokerId>,
    /// Which of all batches that were read are its own.
    pub(crate) batches: Range<usize>,
    pub(crate) bytes: usize,
}

/// What was read of each partition, in the order of the request.
#[derive(Clone, Default, Debug)]
pub(crate) struct FetchReads {
    pub(crate) parts: Vec<FetchRead>,
    /// Those of all partitions.
    pub(crate) batches: Vec<Batch>,
}

impl FetchReads {
    pub(crate) fn bytes(&self) -> usize {
        self.parts.iter().map(|read| read.bytes).sum()
    }

    pub(crate) fn batches_of(&self, read: &FetchRead) -> &[Batch] {
        &self.batches[read.batches.clone()]
    }
}

impl FetchRead {
    pub(super) fn failed(error: ErrorCode) -> Self {
        FetchRead {
            error,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start: -1,
            diverging: None,
            preferred_read_replica: None,
            batches: 0..0,
            bytes: 0,
        }
    }

    pub(super) fn must_not_wait(&self) -> bool {
        !self.error.is_ok() || self.diverging.is_some() || self.preferred_read_replica.is_some()
    }
}
