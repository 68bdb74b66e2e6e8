//! The journal of a running server.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use kafka_sim_cluster::trace::Trace;
use kafka_sim_cluster::{ClusterConfig, Input};
use kafka_sim_core::{Seed, SimTime};

use crate::journal::{Journal, JournalWriter};

/// Writes the journal if there is to be one. A journal that can no longer be written is given up with an error in the
/// log; the cluster goes on.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    journal: Option<JournalWriter<BufWriter<File>>>,
}

impl Recorder {
    pub(super) fn create(path: &Path, config: &ClusterConfig, seed: Seed) -> io::Result<Recorder> {
        Ok(Recorder {
            journal: Some(Journal::create(path, config, seed)?),
        })
    }

    pub(super) fn input(&mut self, at: SimTime, input: &Input) {
        self.write(|journal| journal.input(at, input));
    }

    pub(super) fn advance(&mut self, at: SimTime) {
        // Time passes at least with every heartbeat, so a process that is killed loses no more than that of its journal.
        self.write(|journal| journal.advance(at).and_then(|()| journal.flush()));
    }

    pub(super) fn finish(&mut self, at: SimTime, trace: &Trace) {
        if let Some(Err(error)) = self.journal.take().map(|journal| journal.finish(at, trace)) {
            tracing::error!(%error, "the journal has no end");
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut JournalWriter<BufWriter<File>>) -> io::Result<()>) {
        if let Some(journal) = &mut self.journal
            && let Err(error) = write(journal)
        {
            tracing::error!(%error, "the journal is given up");
            self.journal = None;
        }
    }
}
