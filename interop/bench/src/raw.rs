//! The plain-socket measures: no client library between the clock and the server.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::wire::{self, Connection};

/// Records per frame of a flood.
const FLOOD_RECORDS: i32 = 1_000;
/// Frames in flight during a flood, as many as an idempotent producer may have.
const FLOOD_DEPTH: usize = 5;
/// Bytes per value everywhere.
pub(crate) const VALUE_SIZE: usize = 100;

/// What a flood of pre-encoded frames gave.
pub(crate) struct Flood {
    /// Answered frames per second.
    pub(crate) requests_per_second: f64,
    /// Bytes of frames per second that the server accepted.
    pub(crate) accepted_per_second: f64,
    /// Bytes of frames per second that a reader would still find afterwards.
    pub(crate) kept_per_second: f64,
}

/// What a ping-pong gave.
pub(crate) struct Ping {
    /// Answered frames per second.
    pub(crate) requests_per_second: f64,
    /// Median time to the answer.
    pub(crate) p50: Duration,
    /// 99th percentile of the time to the answer.
    pub(crate) p99: Duration,
}

/// The leader of partition 0, waiting for the topic to have one.
pub(crate) fn leader(bootstrap: &str, topic: &str) -> Outcome<String> {
    let first = bootstrap.split(',').next().unwrap_or(bootstrap);
    let mut connection = Connection::open(first)?;
    let request = wire::metadata(topic);
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        let leaders = wire::leaders(connection.ask(&request)?)?;
        if let Some(Some(leader)) = leaders.by_partition.into_iter().next() {
            return Ok(leader);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Err(format!("{topic}-0 has had no leader for 10 s").into())
}

/// Sends frames of 1,000 records to partition 0 until `total_bytes` are sent, five in flight.
pub(crate) fn flood(bootstrap: &str, topic: &str, total_bytes: usize) -> Outcome<Flood> {
    let mut connection = Connection::open(&leader(bootstrap, topic)?)?;
    let frame = wire::produce(topic, 0, -1, &wire::batch(FLOOD_RECORDS, VALUE_SIZE));
    for _ in 0..50 {
        accepted(connection.ask(&frame)?)?;
    }
    let before = wire::listed(connection.ask(&wire::list_offsets(topic, 0, -1))?)?;
    let frames = (total_bytes / frame.len()).max(FLOOD_DEPTH);
    let started = Instant::now();
    for _ in 0..FLOOD_DEPTH {
        connection.send(&frame)?;
    }
    for _ in FLOOD_DEPTH..frames {
        accepted(connection.receive()?)?;
        connection.send(&frame)?;
    }
    for _ in 0..FLOOD_DEPTH {
        accepted(connection.receive()?)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let end = wire::listed(connection.ask(&wire::list_offsets(topic, 0, -1))?)?;
    let earliest = wire::listed(connection.ask(&wire::list_offsets(topic, 0, -2))?)?;
    let expected = before + i64::try_from(frames)? * i64::from(FLOOD_RECORDS);
    if end != expected {
        return Err(format!("the log ends at {end} after a flood that should end it at {expected}").into());
    }
    let kept_records = end - earliest.max(before);
    let bytes_per_record = frame.len() as f64 / f64::from(FLOOD_RECORDS);
    Ok(Flood {
        requests_per_second: frames as f64 / seconds,
        accepted_per_second: (frames * frame.len()) as f64 / seconds,
        kept_per_second: kept_records as f64 * bytes_per_record / seconds,
    })
}

/// Sends one-record frames to partition 0, each after the answer to the one before.
pub(crate) fn ping(bootstrap: &str, topic: &str, acks: i16, requests: usize) -> Outcome<Ping> {
    let mut connection = Connection::open(&leader(bootstrap, topic)?)?;
    let frame = wire::produce(topic, 0, acks, &wire::batch(1, VALUE_SIZE));
    timed(requests, || accepted(connection.ask(&frame)?))
}

/// The same ping-pong against a thread that only echoes: what the machine's loopback costs with no server at all.
pub(crate) fn echo(requests: usize) -> Outcome<Ping> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let frame = wire::produce("bench-ping", 0, 1, &wire::batch(1, VALUE_SIZE));
    let size = frame.len();
    let echo = std::thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut buffer = vec![0; size];
        while stream.read_exact(&mut buffer).is_ok() {
            stream.write_all(&buffer)?;
        }
        Ok(())
    });
    let mut connection = Connection::open(&address)?;
    let ping = timed(requests, || connection.ask(&frame).map(drop))?;
    drop(connection);
    echo.join().map_err(|_| "the echo thread panicked")??;
    Ok(ping)
}

/// Times `requests` calls of `ask`, after a twentieth of them to warm up.
fn timed(requests: usize, mut ask: impl FnMut() -> Outcome<()>) -> Outcome<Ping> {
    for _ in 0..(requests / 20).max(1) {
        ask()?;
    }
    let mut times = Vec::with_capacity(requests);
    let started = Instant::now();
    for _ in 0..requests {
        let sent = Instant::now();
        ask()?;
        times.push(sent.elapsed());
    }
    let seconds = started.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    Ok(Ping {
        requests_per_second: requests as f64 / seconds,
        p50: at(50),
        p99: at(99),
    })
}

fn accepted(answer: &[u8]) -> Outcome<()> {
    match wire::produced(answer)? {
        (0, _) => Ok(()),
        (error, _) => Err(format!("Produce answered error {error}").into()),
    }
}
