//! A byte stream cut into chunks at any places gives the same frames as in one piece.
#![no_main]

use bytes::Bytes;
use kafka_sim_core::wire::{FrameError, FrameSplitter};
use libfuzzer_sys::fuzz_target;

const MAX_FRAME: usize = 1_000;

fn frames(chunks: impl Iterator<Item = Bytes>) -> (Vec<Bytes>, Option<FrameError>) {
    let mut splitter = FrameSplitter::new(MAX_FRAME);
    let mut frames = Vec::new();
    for chunk in chunks {
        splitter.push(chunk);
        loop {
            match splitter.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        assert!(
            splitter.buffered() < MAX_FRAME + 4,
            "an unfinished frame is never larger than the largest frame"
        );
    }
    (frames, None)
}

fuzz_target!(|input: (&[u8], Vec<u8>)| {
    let (cuts, stream) = input;
    let stream = Bytes::from(stream);
    let mut rest = stream.clone();
    let mut chunks = Vec::new();
    for cut in cuts {
        chunks.push(rest.split_to(rest.len().min(usize::from(*cut))));
    }
    chunks.push(rest);
    assert_eq!(frames(chunks.into_iter()), frames(std::iter::once(stream)));
});
