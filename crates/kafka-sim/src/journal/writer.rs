//! Writing a journal.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use kafka_sim_cluster::trace::Trace;
use kafka_sim_cluster::{ClusterConfig, Input};
use kafka_sim_core::{Seed, SimTime};
use serde::Serialize;

use super::line::{Header, Line};
use super::{End, FORMAT, Journal};

/// Writes a run down while it happens.
#[derive(Debug)]
pub struct JournalWriter<W: Write> {
    to: W,
}

impl Journal {
    /// A journal in a new file; a file of that name is replaced.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn create(path: &Path, config: &ClusterConfig, seed: Seed) -> io::Result<JournalWriter<BufWriter<File>>> {
        JournalWriter::new(BufWriter::with_capacity(1 << 18, File::create(path)?), config, seed)
    }
}

impl<W: Write> JournalWriter<W> {
    /// A journal of a cluster that is made from `config` and `seed`.
    ///
    /// # Errors
    /// What `to` says.
    pub fn new(to: W, config: &ClusterConfig, seed: Seed) -> io::Result<JournalWriter<W>> {
        let mut writer = JournalWriter { to };
        writer.line(&Header {
            kafka_sim_journal: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed,
            cluster: config.into(),
        })?;
        writer.flush()?;
        Ok(writer)
    }

    /// Writes down an input that is handed to the cluster.
    ///
    /// # Errors
    /// What the writer below says.
    pub fn input(&mut self, at: SimTime, input: &Input) -> io::Result<()> {
        self.line(&Line::of(at, input))
    }

    /// Writes down that the cluster is advanced while something is due.
    ///
    /// # Errors
    /// What the writer below says.
    pub fn advance(&mut self, at: SimTime) -> io::Result<()> {
        self.line(&Line::Advance { at })
    }

    /// Hands what is buffered to the operating system.
    ///
    /// # Errors
    /// What the writer below says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }

    /// Writes the end.
    ///
    /// # Errors
    /// What the writer below says.
    pub fn finish(mut self, at: SimTime, trace: &Trace) -> io::Result<()> {
        self.line(&Line::end(End {
            at,
            events: trace.count(),
            hash: trace.hash(),
        }))?;
        self.flush()
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.to, line)?;
        self.to.write_all(b"\n")
    }
}
