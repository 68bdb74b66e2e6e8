//! Accepting clients.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use kafka_sim_core::BrokerId;
use tokio::net::{TcpListener, TcpStream};

use super::connection;
use super::driver::Driver;
use super::outbox::Outbox;

/// Pause after a failed accept, as when the process has no file descriptor left.
const PAUSE: Duration = Duration::from_millis(20);

/// Accepts clients of one broker, for ever.
pub(super) async fn accept(driver: Rc<Driver>, broker: BrokerId, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => admit(&driver, broker, stream, client),
            Err(error) => {
                tracing::warn!(%broker, %error, "a client could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn admit(driver: &Rc<Driver>, broker: BrokerId, stream: TcpStream, client: SocketAddr) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%client, %error, "the client left before it was served");
        return;
    }
    let (reader, writer) = stream.into_split();
    let outbox = Outbox::new(writer);
    let host: Arc<str> = client.ip().to_string().into();
    let conn = driver.connect(broker, host, outbox.clone());
    if !outbox.is_closed() {
        tokio::task::spawn_local(connection::serve(driver.clone(), conn, reader, outbox));
    }
}
