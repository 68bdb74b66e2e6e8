//! The few requests the plain-socket measures need, encoded by hand so that no client library is in the way:
//! Metadata v4, Produce v7 and ListOffsets v1, all with the non-flexible headers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::Outcome;

const PRODUCE: i16 = 0;
const LIST_OFFSETS: i16 = 2;
const METADATA: i16 = 3;

/// A connection that sends frames and hands out whole answers, also when several arrive in one read.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    start: usize,
    end: usize,
}

impl Connection {
    /// Connects without Nagle's delay; every read and write is bounded by 30 seconds.
    pub(crate) fn open(address: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_write_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self {
            stream,
            received: vec![0; 64 * 1024],
            start: 0,
            end: 0,
        })
    }

    /// Sends one frame.
    pub(crate) fn send(&mut self, frame: &[u8]) -> Outcome<()> {
        Ok(self.stream.write_all(frame)?)
    }

    /// Waits for the next answer and returns it without its size.
    pub(crate) fn receive(&mut self) -> Outcome<&[u8]> {
        loop {
            let have = &self.received[self.start..self.end];
            if let Some((size, rest)) = have.split_first_chunk::<4>() {
                let size = usize::try_from(i32::from_be_bytes(*size))?;
                if rest.len() >= size {
                    let from = self.start + 4;
                    self.start = from + size;
                    return Ok(&self.received[from..from + size]);
                }
                if size + 4 > self.received.len() {
                    self.received.resize(size + 4, 0);
                }
            }
            self.received.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            let read = self.stream.read(&mut self.received[self.end..])?;
            if read == 0 {
                return Err("the server closed the connection".into());
            }
            self.end += read;
        }
    }

    /// Sends one frame and waits for its answer.
    pub(crate) fn ask(&mut self, frame: &[u8]) -> Outcome<&[u8]> {
        self.send(frame)?;
        self.receive()
    }
}

struct Frame(Vec<u8>);

impl Frame {
    fn new(key: i16, version: i16) -> Self {
        let mut frame = Self(vec![0; 4]);
        frame.i16(key).i16(version).i32(1).string("kafka-sim-bench");
        frame
    }

    fn i16(&mut self, value: i16) -> &mut Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    fn i32(&mut self, value: i32) -> &mut Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    fn i64(&mut self, value: i64) -> &mut Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    fn string(&mut self, text: &str) -> &mut Self {
        self.i16(i16::try_from(text.len()).expect("names here are short"));
        self.0.extend(text.as_bytes());
        self
    }

    fn finish(mut self) -> Vec<u8> {
        let size = i32::try_from(self.0.len() - 4).expect("frames here are far below 2 GiB");
        self.0[..4].copy_from_slice(&size.to_be_bytes());
        self.0
    }
}

/// Metadata v4 for one topic, creating it where the server does that.
pub(crate) fn metadata(topic: &str) -> Vec<u8> {
    let mut frame = Frame::new(METADATA, 4);
    frame.i32(1).string(topic);
    frame.0.push(1);
    frame.finish()
}

/// Produce v7 of one batch to one partition.
pub(crate) fn produce(topic: &str, partition: i32, acks: i16, batch: &[u8]) -> Vec<u8> {
    let mut frame = Frame::new(PRODUCE, 7);
    frame
        .i16(-1)
        .i16(acks)
        .i32(30_000)
        .i32(1)
        .string(topic)
        .i32(1)
        .i32(partition);
    frame.i32(i32::try_from(batch.len()).expect("batches here are far below 2 GiB"));
    frame.0.extend(batch);
    frame.finish()
}

/// ListOffsets v1: timestamp -1 asks for the end, -2 for the start of the log.
pub(crate) fn list_offsets(topic: &str, partition: i32, timestamp: i64) -> Vec<u8> {
    let mut frame = Frame::new(LIST_OFFSETS, 1);
    frame.i32(-1).i32(1).string(topic).i32(1).i32(partition).i64(timestamp);
    frame.finish()
}

/// A cursor over an answer; running out of bytes is an error, not a panic.
struct Answer<'a>(&'a [u8]);

impl<'a> Answer<'a> {
    fn take(&mut self, count: usize) -> Outcome<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count).ok_or("an answer is too short")?;
        self.0 = tail;
        Ok(head)
    }

    fn i16(&mut self) -> Outcome<i16> {
        Ok(i16::from_be_bytes(self.take(2)?.try_into()?))
    }

    fn i32(&mut self) -> Outcome<i32> {
        Ok(i32::from_be_bytes(self.take(4)?.try_into()?))
    }

    fn i64(&mut self) -> Outcome<i64> {
        Ok(i64::from_be_bytes(self.take(8)?.try_into()?))
    }

    fn string(&mut self) -> Outcome<String> {
        let size = self.i16()?;
        let bytes = self.take(usize::try_from(size.max(0))?)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// Where the leaders of one topic's partitions are.
pub(crate) struct Leaders {
    /// The address of each partition's leader; `None` while it has none.
    pub(crate) by_partition: Vec<Option<String>>,
}

/// Decodes the answer to [`metadata`].
pub(crate) fn leaders(answer: &[u8]) -> Outcome<Leaders> {
    let mut answer = Answer(answer);
    answer.i32()?; // correlation id
    answer.i32()?; // throttle time
    let mut brokers = Vec::new();
    for _ in 0..answer.i32()? {
        let id = answer.i32()?;
        let (host, port) = (answer.string()?, answer.i32()?);
        answer.string()?; // rack
        brokers.push((id, format!("{host}:{port}")));
    }
    answer.string()?; // cluster id
    answer.i32()?; // controller
    let mut by_partition = Vec::new();
    for _ in 0..answer.i32()? {
        answer.i16()?;
        answer.string()?;
        answer.take(1)?;
        for _ in 0..answer.i32()? {
            answer.i16()?;
            let index = usize::try_from(answer.i32()?)?;
            let leader = answer.i32()?;
            for _ in 0..2 {
                let count = usize::try_from(answer.i32()?)?;
                answer.take(count * 4)?;
            }
            if by_partition.len() <= index {
                by_partition.resize(index + 1, None);
            }
            by_partition[index] = brokers
                .iter()
                .find(|(id, _)| *id == leader)
                .map(|(_, address)| address.clone());
        }
    }
    Ok(Leaders { by_partition })
}

/// The error code and base offset of a Produce v7 answer for one partition.
pub(crate) fn produced(answer: &[u8]) -> Outcome<(i16, i64)> {
    let mut answer = Answer(answer);
    answer.i32()?;
    answer.i32()?;
    answer.string()?;
    answer.i32()?;
    answer.i32()?;
    Ok((answer.i16()?, answer.i64()?))
}

/// The offset of a ListOffsets v1 answer for one partition.
pub(crate) fn listed(answer: &[u8]) -> Outcome<i64> {
    let mut answer = Answer(answer);
    answer.i32()?;
    answer.i32()?;
    answer.string()?;
    answer.i32()?;
    answer.i32()?;
    let error = answer.i16()?;
    if error != 0 {
        return Err(format!("ListOffsets answered error {error}").into());
    }
    answer.i64()?; // timestamp
    answer.i64()
}

/// A record batch (magic 2, uncompressed, no producer id) of `records` values of `value_size` bytes.
pub(crate) fn batch(records: i32, value_size: usize) -> Vec<u8> {
    const TIMESTAMP_MS: i64 = 1_767_225_600_000;
    let mut body = Vec::new();
    body.extend(0_i16.to_be_bytes()); // attributes
    body.extend((records - 1).to_be_bytes()); // last offset delta
    body.extend(TIMESTAMP_MS.to_be_bytes());
    body.extend(TIMESTAMP_MS.to_be_bytes());
    body.extend((-1_i64).to_be_bytes()); // producer id
    body.extend((-1_i16).to_be_bytes()); // producer epoch
    body.extend((-1_i32).to_be_bytes()); // base sequence
    body.extend(records.to_be_bytes());
    for index in 0..records {
        let mut record = vec![0_u8]; // attributes
        varint(&mut record, 0); // timestamp delta
        varint(&mut record, i64::from(index));
        varint(&mut record, -1); // no key
        varint(&mut record, value_size as i64);
        record.extend(std::iter::repeat_n(b'v', value_size));
        varint(&mut record, 0); // no headers
        varint(&mut body, record.len() as i64);
        body.extend(record);
    }
    let mut batch = Vec::with_capacity(body.len() + 21);
    batch.extend(0_i64.to_be_bytes());
    batch.extend(
        i32::try_from(body.len() + 9)
            .expect("batches here are far below 2 GiB")
            .to_be_bytes(),
    );
    batch.extend((-1_i32).to_be_bytes()); // partition leader epoch
    batch.push(2);
    batch.extend(crc32c::crc32c(&body).to_be_bytes());
    batch.extend(body);
    batch
}

fn varint(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push((rest as u8) | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_states_its_own_length_and_checksum() {
        let batch = batch(3, 100);
        assert_eq!(
            batch.len(),
            12 + i32::from_be_bytes(batch[8..12].try_into().expect("4 bytes")) as usize
        );
        assert_eq!(crc32c::crc32c(&batch[21..]).to_be_bytes(), batch[17..21]);
    }

    #[test]
    fn varints_are_zigzag_and_little_endian_base_128() {
        let mut out = Vec::new();
        varint(&mut out, -1);
        varint(&mut out, 100);
        assert_eq!(out, [1, 0xc8, 1]);
    }
}
