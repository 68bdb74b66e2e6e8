use super::*;

fn stream(frames: &[&[u8]]) -> Bytes {
    let mut bytes = BytesMut::new();
    for frame in frames {
        bytes.extend_from_slice(&(frame.len() as i32).to_be_bytes());
        bytes.extend_from_slice(frame);
    }
    bytes.freeze()
}

fn drain(splitter: &mut FrameSplitter) -> Vec<Bytes> {
    std::iter::from_fn(|| splitter.next_frame().unwrap()).collect()
}

#[test]
fn frames_are_the_same_however_the_stream_is_cut() {
    let frames: [&[u8]; 4] = [b"abc", b"", b"defgh", b"i"];
    let bytes = stream(&frames);
    // Each bit of the mask decides whether there is a cut after that byte, with and without a look in between.
    for mask in 0..1u32 << (bytes.len() - 1).min(14) {
        for look_each_time in [false, true] {
            let mut splitter = FrameSplitter::new(5);
            let mut found = Vec::new();
            let mut start = 0;
            for end in 1..=bytes.len() {
                let cut = end == bytes.len() || mask.rotate_left(end as u32 % 3) >> (end % 14) & 1 == 1;
                if cut {
                    let chunk = bytes.slice(start..end);
                    start = end;
                    if look_each_time {
                        found.extend(splitter.push_for_next(chunk).unwrap());
                        found.extend(drain(&mut splitter));
                    } else {
                        splitter.push(chunk);
                    }
                }
            }
            found.extend(drain(&mut splitter));
            assert_eq!(found, frames, "mask {mask:b}");
            assert_eq!(splitter.buffered(), 0);
        }
    }
}

#[test]
fn every_cut_into_two_or_three_chunks_gives_the_same_frames() {
    let frames: [&[u8]; 3] = [b"first", b"second frame", b"3"];
    let bytes = stream(&frames);
    for a in 0..=bytes.len() {
        for b in a..=bytes.len() {
            let mut splitter = FrameSplitter::new(100);
            let mut found = Vec::new();
            for range in [0..a, a..b, b..bytes.len()] {
                splitter.push(bytes.slice(range));
                found.extend(drain(&mut splitter));
            }
            assert_eq!(found, frames, "cuts at {a} and {b}");
        }
    }
}

#[test]
fn a_frame_within_one_chunk_is_not_copied() {
    let bytes = stream(&[b"one", b"two"]);
    let range = bytes.as_ptr_range();
    let mut splitter = FrameSplitter::new(100);
    splitter.push(bytes);
    for frame in drain(&mut splitter) {
        assert!(range.contains(&frame.as_ptr()));
    }
}

#[test]
fn the_frame_after_one_that_was_spread_is_not_copied() {
    let bytes = stream(&[b"spread", b"whole"]);
    let mut splitter = FrameSplitter::new(100);
    splitter.push(bytes.slice(..6));
    assert_eq!(splitter.next_frame(), Ok(None));
    splitter.push(bytes.slice(6..));
    let range = bytes.as_ptr_range();
    let found = drain(&mut splitter);
    assert_eq!(found, [&b"spread"[..], b"whole"]);
    assert!(!range.contains(&found[0].as_ptr()) && range.contains(&found[1].as_ptr()));
}

#[test]
fn a_negative_size_is_refused_for_good() {
    for cut in 1..=5 {
        let bytes = Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 1]);
        let mut splitter = FrameSplitter::new(100);
        splitter.push(bytes.slice(..cut));
        if cut >= 4 {
            assert_eq!(splitter.next_frame(), Err(FrameError::NegativeSize(-1)));
        } else {
            assert_eq!(splitter.next_frame(), Ok(None));
        }
        splitter.push(bytes.slice(cut..));
        assert_eq!(
            splitter.next_frame(),
            Err(FrameError::NegativeSize(-1)),
            "cut after {cut}"
        );
        assert_eq!(splitter.next_frame(), Err(FrameError::NegativeSize(-1)));
    }
}

#[test]
fn a_size_above_the_limit_is_refused_as_soon_as_it_is_known() {
    let mut splitter = FrameSplitter::new(100);
    splitter.push(Bytes::from_static(&[0, 0, 0, 101]));
    assert_eq!(splitter.next_frame(), Err(FrameError::TooLarge { size: 101, max: 100 }));
    let mut splitter = FrameSplitter::new(100);
    splitter.push(stream(&[&[7; 100]]));
    assert_eq!(splitter.next_frame().unwrap().unwrap().len(), 100);
}

#[test]
fn an_announced_size_reserves_nothing() {
    let mut splitter = FrameSplitter::new(usize::MAX);
    splitter.push(Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff, 1, 2]));
    assert_eq!(splitter.next_frame(), Ok(None));
    assert_eq!(splitter.buffered(), 6);
    assert!(splitter.partial.capacity() < 1_000);
}
