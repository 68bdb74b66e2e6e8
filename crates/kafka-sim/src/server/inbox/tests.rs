use super::*;

/// A frame of `size` bytes of body.
fn frame(size: usize, fill: u8) -> Vec<u8> {
    let mut frame = u32::try_from(size).unwrap().to_be_bytes().to_vec();
    frame.resize(PREFIX + size, fill);
    frame
}

/// Reads everything in portions of at most `portion` bytes; returns the chunks and the most memory held at once.
async fn read_all(stream: &[u8], portion: usize) -> (Vec<Bytes>, usize) {
    let mut inbox = Inbox::new(100 << 20);
    let mut chunks = Vec::new();
    let mut most = 0;
    for mut part in stream.chunks(portion) {
        while inbox.fill(&mut part).await.unwrap() > 0 {
            inbox.take(&mut chunks);
            most = most.max(inbox.buffer.capacity());
        }
    }
    (chunks, most)
}

#[tokio::test]
async fn frames_of_every_size_in_every_portion_come_out_as_they_came_in() {
    let sizes = [
        0, 1, 100, 4_091, 4_092, 4_093, 16_380, 70_000, 5, 5, 300_000, 2_500_000, 7,
    ];
    let stream: Vec<u8> = (0_u8..).zip(sizes).flat_map(|(fill, size)| frame(size, fill)).collect();
    for portion in [1_000, 4_096, 65_536, 1 << 20, stream.len()] {
        let (chunks, _) = read_all(&stream, portion).await;
        assert_eq!(chunks.concat(), stream, "portions of {portion}");
    }
}

#[tokio::test]
async fn every_chunk_ends_with_a_frame() {
    let stream: Vec<u8> = (0_u8..200)
        .flat_map(|fill| frame(usize::from(fill) * 50, fill))
        .collect();
    let (chunks, _) = read_all(&stream, 3_001).await;
    for chunk in chunks {
        let mut rest = &chunk[..];
        while let Some(prefix) = rest.first_chunk::<PREFIX>() {
            let size = u32::from_be_bytes(*prefix);
            rest = &rest[PREFIX + usize::try_from(size).unwrap()..];
        }
        assert!(rest.is_empty());
    }
}

#[tokio::test]
async fn a_size_is_not_believed_before_its_bytes_have_come() {
    let mut stream = 90_000_000_u32.to_be_bytes().to_vec();
    stream.resize(3_000_000, 0);
    let (chunks, most) = read_all(&stream, 50_000).await;
    assert_eq!(chunks, Vec::<Bytes>::new());
    assert!(
        most <= 6_000_000 + LARGE_BLOCK,
        "{most} bytes held for 3,000,000 that came"
    );
}

#[tokio::test]
async fn a_refused_size_is_passed_on_at_once_with_all_that_follows() {
    for prefix in [[0xff; 4], [0x7f, 0xff, 0xff, 0xff]] {
        let stream = [&frame(3, 1)[..], &prefix, b"rest"].concat();
        let (chunks, _) = read_all(&stream, 1_000).await;
        assert_eq!(chunks, [frame(3, 1), [&prefix[..], b"rest"].concat()]);
    }
}

#[tokio::test]
async fn a_connection_that_calms_down_gives_its_room_back() {
    let mut inbox = Inbox::new(100 << 20);
    let mut chunks = Vec::new();
    let large = frame(100_000, 1);
    let mut from = &large[..];
    while inbox.fill(&mut from).await.unwrap() > 0 {
        inbox.take(&mut chunks);
    }
    assert!(inbox.buffer.capacity() > SMALL_BLOCK);
    let small = frame(10, 2);
    for _ in 0..CALM + 2 {
        inbox.fill(&mut &small[..]).await.unwrap();
        inbox.take(&mut chunks);
    }
    assert!(inbox.buffer.capacity() <= SMALL_BLOCK, "{}", inbox.buffer.capacity());
}
