//! The servers under measurement, each in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::proc_stat::{self, Usage};

/// Which server a figure belongs to.
#[derive(Clone)]
pub(crate) enum Subject {
    /// librdkafka's mock cluster, hosted by this binary.
    Mock,
    /// The kafka-sim binary at this path.
    Sim(PathBuf),
    /// Servers somebody else started.
    Running(String),
}

impl Subject {
    /// The column's title.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Mock => "librdkafka mock",
            Self::Sim(_) => "kafka-sim",
            Self::Running(_) => "address",
        }
    }
}

/// A topic as both servers take it on their command line: `NAME:PARTITIONS:REPLICAS`.
#[derive(Clone)]
pub(crate) struct TopicSpec {
    /// The topic's name.
    pub(crate) name: String,
    /// Number of partitions.
    pub(crate) partitions: i32,
    /// Replicas per partition.
    pub(crate) replicas: i32,
}

impl TopicSpec {
    /// A topic on three replicas.
    pub(crate) fn new(name: &str, partitions: i32) -> Self {
        Self {
            name: name.to_owned(),
            partitions,
            replicas: 3,
        }
    }
}

impl FromStr for TopicSpec {
    type Err = Box<dyn std::error::Error>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(':');
        let (Some(name), Some(partitions), Some(replicas), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(format!("{text} is not NAME:PARTITIONS:REPLICAS").into());
        };
        Ok(Self {
            name: name.to_owned(),
            partitions: partitions.parse()?,
            replicas: replicas.parse()?,
        })
    }
}

/// A server that accepts connections; dropping it ends the process it started.
pub(crate) struct Server {
    child: Option<Child>,
    /// `host:port,host:port,..`
    pub(crate) bootstrap: String,
    /// When the process was started; for servers of somebody else, when this value was made.
    pub(crate) started: Instant,
    /// From starting the process to its bootstrap line.
    pub(crate) line_after: Duration,
}

impl Server {
    /// Starts three brokers with `topic` and waits for the bootstrap line.
    pub(crate) fn start(subject: &Subject, topic: &TopicSpec) -> Outcome<Self> {
        let spec = format!("{}:{}:{}", topic.name, topic.partitions, topic.replicas);
        let mut command = match subject {
            Subject::Running(bootstrap) => {
                let started = Instant::now();
                return Ok(Self {
                    child: None,
                    bootstrap: bootstrap.clone(),
                    started,
                    line_after: Duration::ZERO,
                });
            }
            Subject::Mock => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["mock", &spec]);
                command
            }
            Subject::Sim(path) => {
                let mut command = Command::new(path);
                command.args(["serve", "--brokers", "3", "--port", "0", "--topic", &spec]);
                command
            }
        };
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let started = Instant::now();
        let mut child = command.spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("the child has no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let line_after = started.elapsed();
        let server = Self {
            child: Some(child),
            bootstrap: line.trim().to_owned(),
            started,
            line_after,
        };
        if !server.bootstrap.contains(':') {
            return Err(format!("{} printed {line:?} instead of its bootstrap list", subject.name()).into());
        }
        Ok(server)
    }

    /// CPU time and peak memory of the server's process so far; `None` for a server of somebody else.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.child.as_ref().and_then(|child| proc_stat::usage(child.id()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Nothing it holds is wanted any more, and a benchmark must not leave a server behind.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
