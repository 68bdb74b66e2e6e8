//! Serving one client.

use std::rc::Rc;
use std::time::Duration;

use kafka_sim_cluster::Input;
use kafka_sim_core::ConnId;
use tokio::net::tcp::OwnedReadHalf;

use super::driver::Driver;
use super::inbox::Inbox;
use super::outbox::Outbox;

/// After so many reads in a row the other connections have their turn.
const TURN: u32 = 8;

/// Bytes that may wait behind a request that is being handled.
const BACKLOG: usize = 8 << 20;
/// How often a full backlog is looked at.
const BREATH: Duration = Duration::from_millis(2);

/// Reads requests until either side closes the connection.
pub(super) async fn serve(driver: Rc<Driver>, conn: ConnId, mut socket: OwnedReadHalf, outbox: Rc<Outbox>) {
    let mut inbox = Inbox::new(driver.max_frame);
    let mut frames = Vec::new();
    for turn in 1_u32.. {
        outbox.room().await;
        // Whoever sends on while a request of theirs waits is not read from until it is answered.
        while driver.backlog(conn) > BACKLOG && !outbox.is_closed() {
            tokio::time::sleep(BREATH).await;
        }
        let read = tokio::select! {
            biased;
            read = inbox.fill(&mut socket) => read,
            () = outbox.closed() => break,
        };
        if !matches!(read, Ok(1..)) {
            break;
        }
        inbox.take(&mut frames);
        if !frames.is_empty() {
            driver.feed(frames.drain(..).map(|bytes| Input::Data { conn, bytes }));
        }
        if outbox.is_closed() {
            break;
        }
        if turn.is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
    }
    driver.disconnect(conn);
}
