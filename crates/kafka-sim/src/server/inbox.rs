//! The reading end of a connection: bytes come in, whole frames go out, and bytes are copied once at most.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Size of the prefix that holds the size of a frame.
const PREFIX: usize = 4;
/// Room for a connection that sends small frames.
const SMALL_BLOCK: usize = 16 << 10;
/// Room for one that sends large frames.
const LARGE_BLOCK: usize = 1 << 20;
/// Frames from this size on keep the memory they were read into. Smaller ones are copied out, so that a small batch
/// that stays in a log does not keep a whole block alive.
const LARGE_FRAME: usize = 4 << 10;
/// Most bytes taken from the socket at once: what is read is looked at while it is still in the processor's cache.
const READ_AT_MOST: usize = 256 << 10;
/// After so many reads without a large frame a connection is given small blocks again.
const CALM: u32 = 64;

/// Bytes of one connection that are not yet a whole frame.
///
/// Memory follows what has arrived: a frame of any announced size gets one block, and then at most as much again as has
/// come of it.
#[derive(Debug)]
pub(super) struct Inbox {
    buffer: BytesMut,
    max_frame: usize,
    block: usize,
    calm: u32,
}

/// What stands at the front of the buffer.
enum Front {
    /// A whole frame of this many bytes with its prefix.
    Whole(usize),
    /// The beginning of a frame of this many bytes with its prefix.
    Partial(usize),
    /// Not even a size.
    Unknown,
    /// A size that no broker accepts. The cluster decides what to do about it.
    Refused,
}

impl Inbox {
    /// An inbox for a broker that refuses frames of more than `max_frame` bytes.
    pub(super) fn new(max_frame: usize) -> Inbox {
        Inbox {
            buffer: BytesMut::new(),
            max_frame,
            block: SMALL_BLOCK,
            calm: 0,
        }
    }

    /// Reads once. Returns the number of bytes, 0 at the end of the stream. Nothing is lost if the future is dropped.
    pub(super) async fn fill(&mut self, from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<usize> {
        self.make_room();
        from.read_buf(&mut (&mut self.buffer).limit(READ_AT_MOST)).await
    }

    /// Moves whole frames to `frames`, several small ones together; with a frame that is refused, all there is.
    pub(super) fn take(&mut self, frames: &mut Vec<Bytes>) {
        self.calm = self.calm.saturating_add(1);
        loop {
            let small = self.small_frames();
            if small > 0 {
                frames.push(Bytes::copy_from_slice(&self.buffer[..small]));
                self.buffer.advance(small);
            }
            match self.front(0) {
                Front::Whole(size) => {
                    frames.push(self.buffer.split_to(size).freeze());
                    self.expect_large(size);
                }
                Front::Partial(size) => return self.expect_large(size),
                Front::Unknown => return,
                Front::Refused => return frames.push(self.buffer.split().freeze()),
            }
        }
    }

    /// Length of the small whole frames at the front.
    fn small_frames(&self) -> usize {
        let mut end = 0;
        while let Front::Whole(size) = self.front(end)
            && size < LARGE_FRAME
        {
            end += size;
        }
        end
    }

    fn front(&self, at: usize) -> Front {
        let Some(prefix) = self.buffer[at..].first_chunk::<PREFIX>() else {
            return Front::Unknown;
        };
        match usize::try_from(i32::from_be_bytes(*prefix)) {
            Ok(size) if size <= self.max_frame => {
                let size = PREFIX + size;
                if self.buffer.len() - at >= size {
                    Front::Whole(size)
                } else {
                    Front::Partial(size)
                }
            }
            _ => Front::Refused,
        }
    }

    fn expect_large(&mut self, size: usize) {
        if size >= LARGE_FRAME {
            self.calm = 0;
            self.block = if size > SMALL_BLOCK / 2 {
                LARGE_BLOCK
            } else {
                self.block
            };
        }
    }

    /// Makes room for the rest of the frame at the front, or for a fair read where there is none.
    fn make_room(&mut self) {
        if self.calm > CALM {
            self.block = SMALL_BLOCK;
        }
        let len = self.buffer.len();
        let spare = self.buffer.capacity() - len;
        let (enough, wanted) = match self.front(0) {
            Front::Partial(size) if size <= self.block => (size - len, size - len),
            Front::Partial(size) => ((size - len).min(SMALL_BLOCK / 2), (size - len).min(len.max(self.block))),
            _ => (SMALL_BLOCK / 2, SMALL_BLOCK / 2),
        };
        if spare >= enough && self.buffer.capacity() <= 2 * self.block.max(len) {
            return;
        }
        if len >= LARGE_BLOCK {
            // Grown in place where the allocator can.
            self.buffer.reserve(wanted);
        } else {
            let mut next = BytesMut::with_capacity(self.block.max(len + wanted));
            next.put_slice(&self.buffer);
            self.buffer = next;
        }
    }
}

#[cfg(test)]
mod tests;
