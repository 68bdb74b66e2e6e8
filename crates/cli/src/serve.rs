//! `kafka-sim serve`: a cluster in the foreground until a signal ends it.

use std::fmt::Display;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use kafka_sim::{Schedule, Seed, Server, StartError};
use tokio::runtime::Builder;

use crate::args::ServeArgs;
use crate::control;
use crate::failure::Failure;

/// Runs until SIGTERM or SIGINT.
pub(crate) fn run(args: ServeArgs) -> Result<ExitCode, Failure> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    runtime.block_on(serve(args))
}

async fn serve(args: ServeArgs) -> Result<ExitCode, Failure> {
    // Before anything else: a signal that comes early must not find its default action.
    let ended = Ended::new().map_err(Failure::failed)?;
    let faults = args.faults.as_deref().map(read_schedule).transpose()?;
    let control = args.control;
    let server = start(args).await?;
    announce(&server)?;
    if let Some(faults) = faults {
        server.schedule(faults).await;
    }
    tokio::select! {
        () = ended.wait() => {}
        failure = control::obey(&server), if control => return Err(failure),
    }
    server.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

fn read_schedule(path: &Path) -> Result<Schedule, Failure> {
    let wrong = |error: &dyn Display| Failure::usage(format!("the faults in {}: {error}", path.display()));
    let text = fs::read(path).map_err(|error| wrong(&error))?;
    serde_json::from_slice(&text).map_err(|error| wrong(&error))
}

async fn start(args: ServeArgs) -> Result<Server, Failure> {
    let mut builder = Server::builder()
        .brokers(args.brokers)
        .port(args.port)
        .seed(Seed(args.seed));
    for topic in args.topics {
        builder = builder.topic(topic);
    }
    for (key, value) in args.config {
        builder = builder.config(key, value);
    }
    if let Some(file) = args.record {
        builder = builder.record(file);
    }
    builder.start().await.map_err(|error| match error {
        StartError::Config(error) => Failure::usage(error),
        error => Failure::failed(error),
    })
}

/// The one line on standard output. A reader that has closed its end may still want the cluster.
fn announce(server: &Server) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", server.bootstrap_servers()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// The signals that end the process.
#[cfg(unix)]
struct Ended {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Ended {
    fn new() -> io::Result<Ended> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Ended {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The signals that end the process.
#[cfg(not(unix))]
struct Ended;

#[cfg(not(unix))]
impl Ended {
    fn new() -> io::Result<Ended> {
        Ok(Ended)
    }

    async fn wait(self) {
        // Without a way to be told of Ctrl-C the process is ended from outside.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
