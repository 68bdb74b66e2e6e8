//! Frames on their way out: short ones share memory.

use bytes::{Bytes, BytesMut};

/// Frames of up to so many bytes are copied into memory that is taken for many of them at once. Longer ones are handed
/// over as they are.
const COPIED: usize = 1024;

/// Bytes for frames that are taken at once.
const SHARED: usize = 4096;

/// Room for frames to come of one sender.
#[derive(Clone, Default, Debug)]
pub(super) struct SharedMemory(BytesMut);

impl SharedMemory {
    /// Hands a frame out. Its memory is left to the next one, unless the frame is long.
    pub(super) fn hand_out(&mut self, frame: &mut Vec<u8>) -> Bytes {
        if frame.len() > COPIED {
            return std::mem::take(frame).into();
        }
        if self.0.capacity() < frame.len() {
            self.0.reserve(SHARED);
        }
        self.0.extend_from_slice(frame);
        self.0.split().freeze()
    }
}
