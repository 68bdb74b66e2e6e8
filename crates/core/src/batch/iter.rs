//! From a run of bytes to the batches in it.

use bytes::Bytes;

use super::{Batch, BatchError};

/// Cuts `bytes` into batches, as found in produce requests, fetch responses and log segments.
pub fn split_batches(bytes: &Bytes) -> BatchIter {
    BatchIter {
        bytes: bytes.clone(),
        at: 0,
        failed: false,
    }
}

/// Iterator over the batches in a run of bytes. Ends at a batch that is cut off, which [`BatchIter::rest`] tells, and
/// after the first error.
#[derive(Clone, Debug)]
pub struct BatchIter {
    bytes: Bytes,
    at: usize,
    failed: bool,
}

impl BatchIter {
    /// Bytes of the batches that have come out so far.
    pub fn consumed(&self) -> usize {
        self.at
    }

    /// Bytes that have not come out. After the end without an error these are a batch that is cut off.
    pub fn rest(&self) -> usize {
        self.bytes.len() - self.at
    }
}

impl Iterator for BatchIter {
    type Item = Result<Batch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.rest() == 0 {
            return None;
        }
        match Batch::parse_one(&self.bytes, self.at) {
            Ok(batch) => {
                self.at += batch.size();
                Some(Ok(batch))
            }
            Err(BatchError::Truncated { .. }) => None,
            Err(error) => {
                self.failed = true;
                Some(Err(error))
            }
        }
    }
}
