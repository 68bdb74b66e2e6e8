//! Any bytes as the answers of brokers to the model producer and reader: nothing panics, no record has two outcomes, and
//! a client never falls into a loop at one instant.
#![no_main]

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use arbitrary::Arbitrary;
use bytes::{BufMut as _, Bytes, BytesMut};
use kafka_sim_client::{
    ClientInput, ClientOutput, Producer, ProducerConfig, ProducerRecord, Reader, ReaderConfig, StartAt,
};
use kafka_sim_core::{Seed, SimTime};
use libfuzzer_sys::fuzz_target;

const MOST_STEPS: usize = 60;
/// What one instant may bring forth, far above what a client ever says at once.
const MOST_OUTPUTS: usize = 10_000;

#[derive(Arbitrary, Debug)]
enum Step {
    Connected,
    Failed,
    Closed,
    /// An answer to the oldest request, with an honest size and correlation id.
    Answer(Vec<u8>),
    /// ApiVersions with everything, so that clients go on to ask for more.
    Versions,
    Raw(Vec<u8>),
    Wait(u16),
    Send,
}

/// What of a conversation is remembered.
#[derive(Default)]
struct Talk {
    connections: VecDeque<u32>,
    /// Connection, API key, version and correlation id of requests without an answer.
    asked: VecDeque<(u32, i16, i16, i32)>,
}

impl Talk {
    /// Takes in what a client said; what is left are outcomes.
    fn hear<O>(&mut self, out: &mut Vec<ClientOutput<O>>) -> Vec<O> {
        assert!(out.len() < MOST_OUTPUTS, "{} outputs at one instant", out.len());
        let mut outcomes = Vec::new();
        for output in out.drain(..) {
            match output {
                ClientOutput::Connect { conn, .. } => self.connections.push_back(conn),
                ClientOutput::Disconnect { conn } => self.forget(conn),
                ClientOutput::Data { conn, bytes } => {
                    let number = |at: usize| i16::from_be_bytes([bytes[at], bytes[at + 1]]);
                    let correlation = i32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
                    self.asked.push_back((conn, number(4), number(6), correlation));
                }
                ClientOutput::Outcome(outcome) => outcomes.push(outcome),
            }
        }
        outcomes
    }

    fn forget(&mut self, conn: u32) {
        self.connections.retain(|known| *known != conn);
        self.asked.retain(|(known, ..)| *known != conn);
    }

    fn input(&mut self, step: &Step) -> Option<ClientInput> {
        match step {
            Step::Connected => self
                .connections
                .front()
                .map(|conn| ClientInput::Connected { conn: *conn }),
            Step::Failed => {
                let conn = self.connections.pop_front()?;
                self.forget(conn);
                Some(ClientInput::ConnectFailed { conn })
            }
            Step::Closed => {
                let conn = self.connections.pop_front()?;
                self.forget(conn);
                Some(ClientInput::Closed { conn })
            }
            Step::Answer(body) => {
                let (conn, _, _, correlation) = self.asked.pop_front()?;
                Some(answer(conn, correlation, body))
            }
            Step::Versions => {
                let at = self.asked.iter().position(|(_, key, ..)| *key == 18)?;
                let (conn, _, version, correlation) = self.asked.remove(at)?;
                Some(answer(conn, correlation, &versions(version)))
            }
            Step::Raw(bytes) => self.connections.front().map(|conn| ClientInput::Data {
                conn: *conn,
                bytes: Bytes::copy_from_slice(bytes),
            }),
            Step::Wait(_) | Step::Send => None,
        }
    }
}

fn answer(conn: u32, correlation: i32, body: &[u8]) -> ClientInput {
    let mut frame = BytesMut::new();
    frame.put_i32(body.len() as i32 + 4);
    frame.put_i32(correlation);
    frame.put_slice(body);
    let bytes = frame.freeze();
    ClientInput::Data { conn, bytes }
}

/// An ApiVersions answer of version 3 or later that offers versions 0 to 12 of everything a client asks for.
fn versions(version: i16) -> Vec<u8> {
    let keys = [0_i16, 1, 2, 3, 18, 22, 23];
    let mut body = Vec::new();
    body.put_i16(0);
    if version >= 3 {
        body.put_u8(keys.len() as u8 + 1);
    } else {
        body.put_i32(keys.len() as i32);
    }
    for key in keys {
        body.put_i16(key);
        body.put_i16(0);
        body.put_i16(12);
        if version >= 3 {
            body.put_u8(0);
        }
    }
    body.put_i32(0);
    if version >= 3 {
        body.put_u8(0);
    }
    body
}

fuzz_target!(|steps: Vec<Step>| {
    let bootstrap: Vec<(Arc<str>, u16)> = vec![(Arc::from("broker-0"), 9092)];
    let mut producer = Producer::new(ProducerConfig::java(), bootstrap.clone(), Seed(1), 0).expect("valid");
    let mut reader = Reader::new(ReaderConfig::java(), bootstrap, Seed(1), 0).expect("valid");
    let (mut of_producer, mut of_reader) = (Talk::default(), Talk::default());
    let (mut said, mut read) = (Vec::new(), Vec::new());
    let (mut now, mut sent, mut settled) = (SimTime::ZERO, 0, BTreeSet::new());
    reader.assign(now, [(Arc::from("orders"), 0, StartAt::Earliest)], &mut read);
    for step in steps.iter().take(MOST_STEPS) {
        match step {
            Step::Wait(ms) => now = now + Duration::from_millis(u64::from(*ms)),
            Step::Send => {
                let record = ProducerRecord::new(Arc::from("orders"), sent).value(Bytes::from_static(b"value"));
                sent += 1;
                producer.send(now, record, &mut said);
            }
            _ => {
                if let Some(input) = of_producer.input(step) {
                    producer.handle(now, input, &mut said);
                }
                if let Some(input) = of_reader.input(step) {
                    reader.handle(now, input, &mut read);
                }
            }
        }
        producer.advance(now, &mut said);
        reader.advance(now, &mut read);
        for outcome in of_producer.hear(&mut said) {
            assert!(outcome.token < sent, "an outcome of a record that was never sent");
            assert!(
                settled.insert(outcome.token),
                "two outcomes of record {}",
                outcome.token
            );
        }
        of_reader.hear(&mut read);
    }
});
