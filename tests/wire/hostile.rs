//! Bytes that are not what they claim to be. The broker closes the connection or answers with an error; it never
//! panics, and it reserves no memory for what it was only promised.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::CreateTopicsRequest;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_sim_cluster::{CloseReason, SERVED_APIS};
use kafka_sim_core::{ConnId, Seed};
use kafka_sim_tests::requests::{fetch, metadata, produce, topic_name};
use kafka_sim_tests::{Harness, batch};

/// The broker still serves others.
fn is_alive(h: &mut Harness) {
    let conn = h.connect(0);
    let response = h.ask(conn, 12, &metadata(&["orders"]));
    assert_eq!(response.topics[0].error_code, 0);
    h.hang_up(conn);
}

fn send_alone(h: &mut Harness, bytes: impl Into<Bytes>) -> ConnId {
    let conn = h.connect(0);
    h.send_bytes(conn, bytes);
    h.pass(Duration::from_millis(1));
    conn
}

/// Well-formed frames of each layout: fixed-size lengths, compact lengths, with records and without.
fn samples(h: &mut Harness) -> Vec<Bytes> {
    let mut frames = Vec::new();
    for version in [3, 9, 12] {
        frames.push(h.frame(version, &produce("orders", 0, 1, batch("a"))).1);
    }
    for version in [4, 11, 12] {
        frames.push(h.frame(version, &fetch("orders", 0, 0)).1);
    }
    for version in [4, 9, 12] {
        frames.push(h.frame(version, &metadata(&["orders"])).1);
    }
    frames
}

#[test]
fn no_prefix_of_a_frame_is_answered() {
    let mut h = Harness::alone();
    for frame in samples(&mut h) {
        for len in 0..frame.len() {
            let conn = send_alone(&mut h, frame.slice(..len));
            assert_eq!(
                (h.arrived(conn), h.over(conn)),
                (None, None),
                "{len} bytes of {}",
                frame.len()
            );
            h.hang_up(conn);
        }
    }
    is_alive(&mut h);
}

#[test]
fn a_frame_cut_short_with_an_honest_size_closes_the_connection() {
    let mut h = Harness::alone();
    for frame in samples(&mut h) {
        for len in 4..frame.len() {
            let mut cut = frame[..len].to_vec();
            cut[..4].copy_from_slice(&u32::try_from(len - 4).unwrap().to_be_bytes());
            let conn = send_alone(&mut h, cut);
            assert!(
                matches!(h.over(conn), Some(CloseReason::BadHeader | CloseReason::BadBody)),
                "{len}: {:?}",
                h.over(conn)
            );
        }
    }
    is_alive(&mut h);
}

#[test]
fn bytes_after_the_end_of_a_request_are_ignored() {
    let mut h = Harness::alone();
    for frame in samples(&mut h) {
        let mut long = frame.to_vec();
        long.push(0);
        let size = u32::try_from(long.len() - 4).unwrap();
        long[..4].copy_from_slice(&size.to_be_bytes());
        let conn = send_alone(&mut h, long);
        assert_eq!((h.arrived(conn).is_some(), h.over(conn)), (true, None));
    }
}

#[test]
fn sizes_no_frame_may_have_close_the_connection_at_once() {
    let mut h = Harness::alone();
    for size in [-1, i32::MIN, 104_857_601, i32::MAX] {
        let conn = send_alone(&mut h, size.to_be_bytes().to_vec());
        assert_eq!(h.over(conn), Some(CloseReason::BadFrameSize), "{size}");
    }
    let conn = send_alone(&mut h, 104_857_600_i32.to_be_bytes().to_vec());
    assert_eq!(h.over(conn), None, "the largest frame allowed may still come");
    let conn = send_alone(&mut h, vec![0; 4]);
    assert_eq!(
        h.over(conn),
        Some(CloseReason::BadHeader),
        "an empty frame has no header"
    );
    is_alive(&mut h);
}

#[test]
fn a_lie_at_any_byte_does_no_harm() {
    let mut h = Harness::alone();
    let lies: [&[u8]; 6] = [
        &[0xff, 0xff, 0xff, 0xff],
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff, 0x07],
        &[0x7f, 0xff],
        &[0x00],
        &[0x80],
    ];
    let (mut answered, mut closed) = (0, 0);
    for frame in samples(&mut h) {
        for at in 4..frame.len() {
            for lie in lies.iter().filter(|lie| at + lie.len() <= frame.len()) {
                let mut bent = frame.to_vec();
                bent[at..at + lie.len()].copy_from_slice(lie);
                let conn = send_alone(&mut h, bent);
                answered += u32::from(h.arrived(conn).is_some());
                closed += u32::from(h.over(conn).is_some());
                h.hang_up(conn);
            }
        }
    }
    assert!(
        answered > 500 && closed > 500,
        "both ends of a lie are common: {answered} answered, {closed} closed"
    );
    is_alive(&mut h);
}

#[test]
fn garbage_behind_an_honest_size_does_no_harm() {
    let mut h = Harness::alone();
    let mut rng = Seed(7).stream("garbage", 0);
    for _ in 0..20_000 {
        let row = SERVED_APIS[rng.index(SERVED_APIS.len())];
        let len = rng.between(0, 80);
        let mut frame = i32::try_from(len + 8).unwrap().to_be_bytes().to_vec();
        frame.extend((row.key as i16).to_be_bytes());
        frame.extend(i16::try_from(rng.between(0, 14)).unwrap().to_be_bytes());
        frame.extend(1_i32.to_be_bytes());
        let tame = rng.chance(1, 2);
        frame.extend((0..len).map(|_| if tame { rng.below(4) as u8 } else { rng.next_u32() as u8 }));
        let conn = send_alone(&mut h, frame);
        h.hang_up(conn);
    }
    is_alive(&mut h);
}

#[test]
fn a_stream_of_noise_does_no_harm() {
    let mut h = Harness::alone();
    let mut rng = Seed(8).stream("noise", 0);
    for _ in 0..5_000 {
        let len = rng.between(1, 60);
        let noise: Vec<u8> = (0..len).map(|_| rng.next_u32() as u8).collect();
        let conn = send_alone(&mut h, noise);
        h.hang_up(conn);
    }
    is_alive(&mut h);
}

#[test]
fn a_request_for_two_billion_partitions_is_refused() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    for partitions in [i32::MAX, 1 << 20] {
        let topic = CreatableTopic::default()
            .with_name(topic_name("huge"))
            .with_num_partitions(partitions)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(1_000);
        let response = h.ask(conn, 7, &request);
        assert_ne!(response.topics[0].error_code, 0, "{partitions}");
    }
    is_alive(&mut h);
}

/// Overwrites bytes of a batch; the CRC is made right again unless `keep_crc`.
fn bent_batch(at: usize, with: &[u8], keep_crc: bool) -> Bytes {
    let mut bytes = batch("value").to_vec();
    bytes[at..at + with.len()].copy_from_slice(with);
    if !keep_crc {
        let crc = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    }
    bytes.into()
}

#[test]
fn a_batch_that_lies_in_any_field_is_refused_and_nothing_is_written() {
    const COUNT: usize = 57;
    const LAST_OFFSET_DELTA: usize = 23;
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let big = i32::MAX.to_be_bytes();
    let cases: [(&str, Bytes, i16); 15] = [
        ("base offset", bent_batch(0, &1_i64.to_be_bytes(), false), 87),
        ("magic 0", bent_batch(16, &[0], true), 87),
        ("magic 1", bent_batch(16, &[1], true), 87),
        ("magic 3", bent_batch(16, &[3], true), 2),
        ("magic -1", bent_batch(16, &[0xff], true), 2),
        ("checksum", bent_batch(17, &[1, 2, 3, 4], true), 2),
        ("value", bent_batch(70, &[0xee], true), 2),
        (
            "length below the minimum",
            bent_batch(8, &10_i32.to_be_bytes(), true),
            2,
        ),
        ("control bit", bent_batch(21, &0x20_i16.to_be_bytes(), false), 87),
        ("record count -1", bent_batch(COUNT, &(-1_i32).to_be_bytes(), false), 87),
        ("record count 0", bent_batch(COUNT, &0_i32.to_be_bytes(), false), 87),
        ("record count of two billion", bent_batch(COUNT, &big, false), 87),
        ("last offset delta", bent_batch(LAST_OFFSET_DELTA, &big, false), 87),
        (
            "count and delta of two billion",
            {
                let mut bytes = bent_batch(COUNT, &big, true).to_vec();
                bytes[LAST_OFFSET_DELTA..LAST_OFFSET_DELTA + 4].copy_from_slice(&(i32::MAX - 1).to_be_bytes());
                let crc = crc32c::crc32c(&bytes[21..]);
                bytes[17..21].copy_from_slice(&crc.to_be_bytes());
                bytes.into()
            },
            87,
        ),
        (
            "a producer id without a sequence",
            bent_batch(43, &7_i64.to_be_bytes(), false),
            87,
        ),
    ];
    for (what, records, code) in cases {
        let answer = h.produce(conn, "orders", 0, 1, records);
        assert_eq!((answer.error_code, answer.base_offset), (code, -1), "{what}");
    }
    assert_eq!(h.replica("orders", 0, 0).log_end, 0);
}

#[test]
fn a_record_that_lies_about_its_length_is_refused() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let whole = batch("value").len();
    for at in 61..whole {
        for lie in [&[0xff_u8, 0xff, 0xff, 0xff, 0x0f][..], &[0x01], &[0x7f]] {
            if at + lie.len() > whole {
                continue;
            }
            let answer = h.produce(conn, "orders", 0, 1, bent_batch(at, lie, false));
            assert!(
                matches!(answer.error_code, 0 | 2 | 32 | 87),
                "byte {at}: {}",
                answer.error_code
            );
        }
    }
    is_alive(&mut h);
}

#[test]
fn compressed_records_that_do_not_unpack_are_corrupt() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    for codec in 1..=4_i16 {
        let answer = h.produce(conn, "orders", 0, 1, bent_batch(21, &codec.to_be_bytes(), false));
        assert!(
            matches!(answer.error_code, 2 | 87),
            "codec {codec}: {}",
            answer.error_code
        );
    }
    for codec in 5..=7_i16 {
        let answer = h.produce(conn, "orders", 0, 1, bent_batch(21, &codec.to_be_bytes(), false));
        assert_ne!(answer.error_code, 0, "codec {codec} does not exist");
    }
    is_alive(&mut h);
}

#[test]
fn half_a_batch_is_no_batch() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let whole = batch("value");
    for len in 0..whole.len() {
        assert_eq!(
            h.produce(conn, "orders", 0, 1, whole.slice(..len)).error_code,
            87,
            "{len} bytes"
        );
    }
    assert_eq!(h.replica("orders", 0, 0).log_end, 0);
}

#[test]
fn what_follows_a_batch_and_is_none_is_dropped() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let whole = batch("value");
    let with_half = [whole.clone(), whole.slice(..whole.len() / 2)].concat();
    assert_eq!(h.produce(conn, "orders", 0, 1, with_half.into()).error_code, 0);
    assert_eq!(h.produce(conn, "orders", 0, 1, whole).base_offset, 1);
    assert_eq!(h.read(conn, "orders", 0, 0).len(), 2);
}
