//! The server from outside: plain sockets that speak the raw protocol.

mod client;
mod faults;
mod hostile;
mod lifecycle;
mod recording;
mod requests;

use std::time::Duration;

use kafka_sim::cluster::view::View;
use kafka_sim::{Server, Topic};

/// Far more than anything here takes; a broken promise must end a test and not hang it.
const BOUND: Duration = Duration::from_secs(60);

async fn bounded<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, test)
        .await
        .expect("the test ends within its bound")
}

/// Three brokers with `orders`, one partition on all of them.
async fn three_brokers() -> Server {
    Server::builder()
        .brokers(3)
        .topic(Topic::named("orders").replicas(3))
        .start()
        .await
        .expect("three brokers start")
}

/// Waits until the cluster looks as wanted.
async fn eventually(server: &Server, wanted: impl Fn(&View) -> bool) -> View {
    bounded(async {
        loop {
            let view = server.view().await;
            if wanted(&view) {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}
