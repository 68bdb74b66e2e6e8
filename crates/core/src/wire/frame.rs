//! Cutting a byte stream into frames.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

/// Size of the prefix that holds the size of the frame.
const PREFIX: usize = 4;

/// A size no frame may have. The connection is closed without an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The size is negative.
    #[error("negative frame size {0}")]
    NegativeSize(i32),
    /// The size exceeds `socket.request.max.bytes`.
    #[error("frame size {size} exceeds {max}")]
    TooLarge {
        /// The size announced.
        size: usize,
        /// The most allowed.
        max: usize,
    },
}

/// Cuts the bytes of one direction of one connection into frames (`NetworkReceive` in Kafka).
///
/// A frame that arrives within one chunk is a slice of it. Only a frame spread over several chunks is copied together,
/// and room for it grows with the bytes that have come, never with the size it announces.
#[derive(Clone, Debug)]
pub struct FrameSplitter {
    max_frame: usize,
    /// The beginning of a frame, including its prefix, when it ended with its chunk.
    partial: BytesMut,
    /// Chunks not looked at yet; none is empty.
    chunks: VecDeque<Bytes>,
}

impl FrameSplitter {
    /// A splitter that refuses frames of more than `max_frame` bytes (`socket.request.max.bytes`), not counting the
    /// prefix.
    pub fn new(max_frame: usize) -> Self {
        FrameSplitter {
            max_frame,
            partial: BytesMut::new(),
            chunks: VecDeque::new(),
        }
    }

    /// Adds bytes that have arrived.
    pub fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.chunks.push_back(chunk);
        }
    }

    /// Adds bytes that have arrived and gives the next whole frame, as which bytes mostly arrive.
    ///
    /// # Errors
    /// As [`next_frame`](Self::next_frame).
    pub fn push_for_next(&mut self, mut chunk: Bytes) -> Result<Option<Bytes>, FrameError> {
        if self.is_empty()
            && chunk.len() >= PREFIX
            && frame_size(&chunk, self.max_frame).is_ok_and(|size| chunk.len() == PREFIX + size)
        {
            chunk.advance(PREFIX);
            return Ok(Some(chunk));
        }
        self.push(chunk);
        self.next_frame()
    }

    /// The next whole frame, without its prefix; `None` until more bytes come.
    ///
    /// # Errors
    /// A size that is refused. The stream cannot be read any further: every later call fails the same way.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        if self.partial.len() >= PREFIX {
            frame_size(&self.partial, self.max_frame)?;
        }
        while let Some(chunk) = self.chunks.front_mut() {
            if self.partial.is_empty() && chunk.len() >= PREFIX {
                let size = frame_size(chunk, self.max_frame)?;
                if chunk.len() == PREFIX + size {
                    chunk.advance(PREFIX);
                    return Ok(self.chunks.pop_front());
                }
                if chunk.len() > PREFIX + size {
                    chunk.advance(PREFIX);
                    return Ok(Some(chunk.split_to(size)));
                }
            }
            if let Some(frame) = self.extend_partial()? {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// Whether nothing is left of what has arrived.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.partial.is_empty() && self.chunks.is_empty()
    }

    /// Bytes that have arrived but do not make a whole frame yet.
    pub fn buffered(&self) -> usize {
        self.partial.len() + self.chunks.iter().map(Bytes::len).sum::<usize>()
    }

    /// Moves bytes from the first chunk to the partial frame: first those of the prefix, then those of the frame.
    fn extend_partial(&mut self) -> Result<Option<Bytes>, FrameError> {
        if self.partial.len() < PREFIX {
            self.take_from_front(PREFIX - self.partial.len());
        }
        if self.partial.len() < PREFIX {
            return Ok(None);
        }
        let whole = PREFIX + frame_size(&self.partial, self.max_frame)?;
        self.take_from_front(whole - self.partial.len());
        if self.partial.len() < whole {
            return Ok(None);
        }
        let mut frame = std::mem::take(&mut self.partial).freeze();
        frame.advance(PREFIX);
        Ok(Some(frame))
    }

    /// Copies up to `wanted` bytes of the first chunk, if there is one.
    fn take_from_front(&mut self, wanted: usize) {
        let Some(chunk) = self.chunks.front_mut() else { return };
        let taken = chunk.split_to(wanted.min(chunk.len()));
        self.partial.extend_from_slice(&taken);
        self.drop_empty_front();
    }

    fn drop_empty_front(&mut self) {
        if self.chunks.front().is_some_and(Bytes::is_empty) {
            self.chunks.pop_front();
        }
    }
}

/// Reads and judges the prefix at the start of `bytes`, which must hold it.
fn frame_size(mut bytes: &[u8], max: usize) -> Result<usize, FrameError> {
    let announced = bytes.get_i32();
    let size = usize::try_from(announced).map_err(|_| FrameError::NegativeSize(announced))?;
    if size > max {
        Err(FrameError::TooLarge { size, max })
    } else {
        Ok(size)
    }
}

#[cfg(test)]
mod tests;
