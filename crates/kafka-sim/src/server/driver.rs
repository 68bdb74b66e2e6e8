//! Between the sockets and the cluster: hands inputs in, takes outputs out. No behaviour lives here.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use kafka_sim_cluster::fault::ScheduledFault;
use kafka_sim_cluster::view::View;
use kafka_sim_cluster::{Cluster, Input, Output};
use kafka_sim_core::{BrokerId, ConnId, SimTime};

use super::alarm::Alarm;
use super::clock::Clock;
use super::outbox::Outbox;
use super::recorder::Recorder;

/// The cluster with its clock and the writing ends of its connections. Every task of the server's thread shares it.
pub(super) struct Driver {
    pub(super) clock: Clock,
    pub(super) alarm: Alarm,
    /// Largest frame a broker accepts (`socket.request.max.bytes`).
    pub(super) max_frame: usize,
    machine: RefCell<Machine>,
    next_conn: Cell<u64>,
}

struct Machine {
    cluster: Cluster,
    recorder: Recorder,
    outputs: Vec<Output>,
    outboxes: BTreeMap<ConnId, Rc<Outbox>>,
    /// Connections with something new to send.
    unsent: Vec<Rc<Outbox>>,
}

impl Driver {
    pub(super) fn new(cluster: Cluster, recorder: Recorder, clock: Clock, max_frame: usize) -> Driver {
        let machine = Machine {
            cluster,
            recorder,
            outputs: Vec::new(),
            outboxes: BTreeMap::new(),
            unsent: Vec::new(),
        };
        Driver {
            clock,
            alarm: Alarm::new(),
            max_frame,
            machine: RefCell::new(machine),
            next_conn: Cell::new(0),
        }
    }

    pub(super) fn now(&self) -> SimTime {
        self.clock.now()
    }

    /// A client has connected. The outbox is closed when this returns if the broker does not want it.
    pub(super) fn connect(&self, broker: BrokerId, host: Arc<str>, outbox: Rc<Outbox>) -> ConnId {
        let conn = ConnId(self.next_conn.get());
        self.next_conn.set(conn.0 + 1);
        self.machine.borrow_mut().outboxes.insert(conn, outbox);
        self.feed([Input::Connect { conn, broker, host }]);
        conn
    }

    /// A client has gone.
    pub(super) fn disconnect(&self, conn: ConnId) {
        if self.machine.borrow_mut().outboxes.remove(&conn).is_some() {
            self.feed([Input::Disconnect { conn }]);
        }
    }

    /// Hands inputs to the cluster, all at the present instant, and sends what it answers.
    pub(super) fn feed(&self, inputs: impl IntoIterator<Item = Input>) {
        let machine = &mut *self.machine.borrow_mut();
        let now = self.clock.now();
        for input in inputs {
            machine.recorder.input(now, &input);
            machine.cluster.handle(now, input, &mut machine.outputs);
        }
        self.settle(machine);
    }

    /// Lets a fault whose time has come strike. Returns whom it struck.
    pub(super) fn strike(&self, fault: ScheduledFault) -> Vec<BrokerId> {
        self.feed([Input::Fault(fault)]);
        self.machine.borrow().cluster.struck_by_newest_fault().to_vec()
    }

    /// Bytes of a client that wait behind a request that is being handled.
    pub(super) fn backlog(&self, conn: ConnId) -> usize {
        self.machine.borrow().cluster.backlog(conn)
    }

    /// Lets what is due happen.
    pub(super) fn advance(&self) {
        let machine = &mut *self.machine.borrow_mut();
        let now = self.clock.now();
        // Only an advance that does something belongs into the journal.
        if machine.next_due() <= now {
            machine.recorder.advance(now);
            machine.cluster.advance(now, &mut machine.outputs);
            self.settle(machine);
        }
    }

    /// When something is due next; `SimTime::MAX` is never.
    pub(super) fn next_due(&self) -> SimTime {
        self.machine.borrow().next_due()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.machine.borrow().cluster.is_ready()
    }

    pub(super) fn view(&self) -> View {
        self.machine.borrow().cluster.view()
    }

    pub(super) fn trace_hash(&self) -> u64 {
        self.machine.borrow().cluster.trace().hash()
    }

    /// Ends the journal.
    pub(super) fn finish(&self) {
        let machine = &mut *self.machine.borrow_mut();
        machine.recorder.finish(machine.cluster.now(), machine.cluster.trace());
    }

    fn settle(&self, machine: &mut Machine) {
        machine.sort_outputs();
        machine.send();
        // After the sending, off the path of a request.
        self.alarm.expect(machine.next_due());
    }
}

impl Machine {
    fn next_due(&self) -> SimTime {
        self.cluster.next_due().unwrap_or(SimTime::MAX)
    }

    fn sort_outputs(&mut self) {
        for output in self.outputs.drain(..) {
            match output {
                Output::Data { conn, bytes } => {
                    if let Some(outbox) = self.outboxes.get(&conn)
                        && outbox.push(bytes)
                    {
                        self.unsent.push(outbox.clone());
                    }
                }
                Output::Disconnect { conn, reason } => {
                    tracing::debug!(%conn, reason = reason.words(), "connection closed");
                    if let Some(outbox) = self.outboxes.remove(&conn) {
                        outbox.close();
                    }
                }
                Output::Listening { broker, up: true } => tracing::info!("broker {broker} serves clients"),
                Output::Listening { broker, up: false } => tracing::info!("broker {broker} serves nobody"),
                Output::Connected { conn } => tracing::trace!(%conn, "connected"),
                other => tracing::debug!(?other, "nothing for a socket"),
            }
        }
    }

    /// One write per connection, however many responses it is for.
    fn send(&mut self) {
        for outbox in self.unsent.drain(..) {
            outbox.send();
        }
    }
}
