//! The writing end of a connection.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;

/// With more than this unsent, nothing more is read from a connection.
const FULL: usize = 4 << 20;

/// How long a closed connection may take to read what it was sent before.
const LINGER: Duration = Duration::from_secs(5);

/// Most slices handed to the operating system at once.
const SLICES: usize = 32;

/// Responses on their way to a client. They are written at once as far as the socket takes them; a task of its own
/// writes the rest when the socket has room again.
#[derive(Debug)]
pub(super) struct Outbox {
    socket: OwnedWriteHalf,
    queue: RefCell<VecDeque<Bytes>>,
    queued: Cell<usize>,
    /// Somebody will send what is queued.
    sending: Cell<bool>,
    /// The cluster has closed the connection, or the socket is broken.
    closed: Cell<bool>,
    /// The queue has become shorter, or the connection is closed.
    changed: Notify,
}

impl Outbox {
    pub(super) fn new(socket: OwnedWriteHalf) -> Rc<Outbox> {
        Rc::new(Outbox {
            socket,
            queue: RefCell::default(),
            queued: Cell::new(0),
            sending: Cell::new(false),
            closed: Cell::new(false),
            changed: Notify::new(),
        })
    }

    /// Adds bytes. The caller has to call [`Outbox::send`] if this returns true.
    pub(super) fn push(&self, bytes: Bytes) -> bool {
        self.queued.set(self.queued.get() + bytes.len());
        self.queue.borrow_mut().push_back(bytes);
        !self.sending.replace(true)
    }

    /// Nothing more is to be read or answered; what is queued is still sent.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.changed.notify_waiters();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Waits until the connection is closed.
    pub(super) async fn closed(&self) {
        while !self.is_closed() {
            self.changed.notified().await;
        }
    }

    /// Waits until there is room for more answers, or the connection is closed.
    pub(super) async fn room(&self) {
        while self.queued.get() > FULL && !self.is_closed() {
            self.changed.notified().await;
        }
    }

    /// Writes what the socket takes now and leaves the rest to a task.
    pub(super) fn send(self: Rc<Self>) {
        if self.write() {
            self.sending.set(false);
        } else {
            tokio::task::spawn_local(self.send_rest());
        }
    }

    async fn send_rest(self: Rc<Self>) {
        loop {
            let waited = if self.is_closed() {
                tokio::time::timeout(LINGER, self.socket.writable())
                    .await
                    .unwrap_or_else(|late| Err(late.into()))
            } else {
                tokio::select! {
                    writable = self.socket.writable() => writable,
                    () = self.closed() => continue,
                }
            };
            if let Err(error) = waited {
                self.give_up(&error);
            }
            if self.write() {
                return self.sending.set(false);
            }
        }
    }

    /// Writes what the socket takes; true if nothing is left.
    fn write(&self) -> bool {
        let was_full = self.queued.get() > FULL;
        let mut queue = self.queue.borrow_mut();
        let all = loop {
            let written = match queue.len() {
                0 => break true,
                1 => self.socket.try_write(&queue[0]),
                _ => self.socket.try_write_vectored(&slices(&queue)),
            };
            match written {
                Ok(written) => {
                    self.queued.set(self.queued.get() - written);
                    consume(&mut queue, written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break false,
                Err(error) => {
                    drop(queue);
                    self.give_up(&error);
                    return true;
                }
            }
        };
        if was_full {
            self.changed.notify_waiters();
        }
        all
    }

    /// The client is gone, or as good as.
    fn give_up(&self, error: &io::Error) {
        tracing::debug!(%error, "a response could not be sent");
        self.queue.borrow_mut().clear();
        self.queued.set(0);
        self.close();
    }
}

fn slices(queue: &VecDeque<Bytes>) -> Vec<IoSlice<'_>> {
    queue.iter().take(SLICES).map(|bytes| IoSlice::new(bytes)).collect()
}

fn consume(queue: &mut VecDeque<Bytes>, mut written: usize) {
    while let Some(front) = queue.front_mut() {
        if front.len() > written {
            return front.advance(written);
        }
        written -= front.len();
        queue.pop_front();
    }
}
