//! The thread that runs a cluster and its sockets.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Duration;

use kafka_sim_cluster::{Cluster, ClusterConfig};
use kafka_sim_core::{BrokerId, Seed};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use super::clock::Clock;
use super::command::{self, Command};
use super::driver::Driver;
use super::recorder::Recorder;
use super::{Server, StartError, accept, alarm};

/// How long brokers may take to come up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// What a server is started from.
pub(super) struct Plan {
    pub(super) config: ClusterConfig,
    pub(super) seed: Seed,
    /// Port by broker; 0 is any free one.
    pub(super) ports: Vec<u16>,
    pub(super) record: Option<PathBuf>,
    pub(super) ignored: Vec<String>,
}

/// A thread that is starting a server.
pub(super) struct Starting {
    ignored: Vec<String>,
    commands: mpsc::UnboundedSender<Command>,
    thread: JoinHandle<()>,
}

type Started = Result<Vec<SocketAddr>, StartError>;

pub(super) fn spawn(plan: Plan) -> Result<(Starting, oneshot::Receiver<Started>), StartError> {
    let (commands, inbox) = mpsc::unbounded_channel();
    let (tell, started) = oneshot::channel();
    let ignored = plan.ignored.clone();
    let builder = std::thread::Builder::new().name("kafka-sim".to_owned());
    let thread = builder
        .spawn(move || run(plan, tell, inbox))
        .map_err(StartError::Runtime)?;
    Ok((
        Starting {
            ignored,
            commands,
            thread,
        },
        started,
    ))
}

impl Starting {
    pub(super) fn into_server(self, started: Result<Started, oneshot::error::RecvError>) -> Result<Server, StartError> {
        let Ok(started) = started else {
            let panic = self
                .thread
                .join()
                .expect_err("the thread reports before it ends, unless it panics");
            std::panic::resume_unwind(panic);
        };
        let Starting {
            ignored,
            commands,
            thread,
        } = self;
        Ok(Server {
            addresses: started?,
            ignored,
            commands,
            thread: Some(thread),
        })
    }
}

fn run(plan: Plan, tell: oneshot::Sender<Started>, mut commands: mpsc::UnboundedReceiver<Command>) {
    let (runtime, driver, listeners) = match start(plan) {
        Ok(started) => started,
        Err(error) => {
            // Nobody waits any more if the start was abandoned.
            let _ = tell.send(Err(error));
            return;
        }
    };
    let addresses = listeners.iter().map(|(_, address)| *address).collect();
    let tasks = LocalSet::new();
    for (id, (listener, _)) in (0..).zip(listeners) {
        tasks.spawn_local(accept::accept(driver.clone(), BrokerId(id), listener));
    }
    let over = tasks.block_on(&runtime, async {
        if tell.send(Ok(addresses)).is_err() {
            return None;
        }
        tokio::select! {
            over = command::obey(&driver, &mut commands) => over,
            () = alarm::ring(&driver) => None,
        }
    });
    driver.finish();
    // The ports are free once the listeners and connections are gone, and those belong to the tasks.
    drop(tasks);
    drop(runtime);
    drop(over);
}

type Parts = (Runtime, Rc<Driver>, Vec<(TcpListener, SocketAddr)>);

fn start(plan: Plan) -> Result<Parts, StartError> {
    let Plan {
        mut config,
        seed,
        ports,
        record,
        ..
    } = plan;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?;
    let listeners = runtime.block_on(async { ports.into_iter().map(listen).collect::<Result<Vec<_>, _>>() })?;
    config.listeners = listeners
        .iter()
        .map(|(_, at)| (at.ip().to_string().into(), at.port()))
        .collect();
    let max_frame = usize::try_from(config.broker_config.socket_request_max_bytes).unwrap_or(0);
    let cluster = Cluster::new(config.clone(), seed)?;
    let recorder = match record {
        Some(path) => Recorder::create(&path, &config, seed).map_err(|source| StartError::Record { path, source })?,
        None => Recorder::default(),
    };
    let driver = Rc::new(Driver::new(cluster, recorder, Clock::start(), max_frame));
    bring_up(&driver)?;
    Ok((runtime, driver, listeners))
}

/// Lets the brokers start. The thread has nothing else to do yet, and the event loop's timers are coarser than a start.
fn bring_up(driver: &Driver) -> Result<(), StartError> {
    driver.advance();
    while !driver.is_ready() {
        let waited = driver.now().since_start();
        if waited > PATIENCE {
            return Err(StartError::NotReady {
                waited,
                state: crate::dump::dump(&driver.view()),
            });
        }
        std::thread::sleep(driver.clock.until(driver.next_due(), PATIENCE));
        driver.advance();
    }
    Ok(())
}

/// Must be called inside a runtime.
fn listen(port: u16) -> Result<(TcpListener, SocketAddr), StartError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let bind = || -> io::Result<(TcpListener, SocketAddr)> {
        let socket = TcpSocket::new_v4()?;
        // As Kafka does: a port that a run has just left can be taken again at once.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bind().map_err(|source| StartError::Bind { address, source })
}
