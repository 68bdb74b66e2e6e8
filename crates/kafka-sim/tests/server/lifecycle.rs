//! Starting and ending.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use kafka_sim::{ConfigError, Fault, Role, Server, StartError, Topic};

use crate::client::{self, Client};
use crate::{bounded, three_brokers};

fn ports_are_free(addresses: &[SocketAddr]) -> bool {
    addresses.iter().all(|address| TcpListener::bind(address).is_ok())
}

#[tokio::test]
async fn dropping_a_server_frees_its_ports_even_with_clients_connected() {
    bounded(async {
        let server = three_brokers().await;
        let addresses = server.addresses().to_vec();
        let mut client = Client::connect(addresses[0]).await;
        client.ask(3, client::api_versions()).await;
        assert!(!ports_are_free(&addresses));
        drop(server);
        assert!(ports_are_free(&addresses));
        assert!(client.is_closed().await);
    })
    .await;
}

#[tokio::test]
async fn shutdown_frees_the_ports_for_the_next_server() {
    bounded(async {
        let server = three_brokers().await;
        let port = server.addresses()[0].port();
        server.shutdown().await;
        let server = Server::builder()
            .brokers(1)
            .port(port)
            .start()
            .await
            .expect("the port is free again");
        assert_eq!(server.bootstrap_servers(), format!("127.0.0.1:{port}"));
    })
    .await;
}

#[test]
fn a_server_works_without_an_async_runtime() {
    let server = Server::builder()
        .brokers(3)
        .topic(Topic::named("orders").replicas(3))
        .start_blocking()
        .expect("it starts");
    server.blocking().inject(Fault::Kill(Role::leader_of("orders", 0)));
    let view = server.blocking().view();
    assert_eq!(view.brokers.iter().filter(|broker| !broker.running).count(), 1);
    server.blocking().heal_all();
    assert!(server.blocking().dump().contains("orders-0: leader"));
    assert_eq!(server.blocking().trace_hash(), server.blocking().trace_hash());
}

#[tokio::test]
async fn three_brokers_are_up_within_a_fraction_of_a_second() {
    // The promise of 2 ms is measured by the benchmark in a release build; this catches timers on the way up.
    let started = Instant::now();
    let server = three_brokers().await;
    let isr: Vec<usize> = server
        .view()
        .await
        .partitions
        .iter()
        .map(|partition| partition.isr.len())
        .collect();
    assert_eq!(isr, [3]);
    assert!(
        started.elapsed() < Duration::from_millis(500),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_taken_port_is_named_by_the_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = Server::builder()
        .brokers(1)
        .port(address.port())
        .start()
        .await
        .unwrap_err();
    assert!(
        matches!(error, StartError::Bind { address: named, .. } if named == address),
        "{error}"
    );
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn bad_configuration_is_an_error_that_says_what_is_wrong() {
    let misspelt = Server::builder()
        .config("min.in.sync.replicas", "2")
        .start()
        .await
        .unwrap_err();
    assert!(
        misspelt.to_string().contains("did you mean `min.insync.replicas`"),
        "{misspelt}"
    );
    let replicas = Server::builder()
        .brokers(1)
        .topic(Topic::named("orders").replicas(3))
        .start()
        .await
        .unwrap_err();
    assert!(
        matches!(replicas, StartError::Config(ConfigError::Conflict { .. })),
        "{replicas}"
    );
    let ports = Server::builder().brokers(10).port(65_530).start().await.unwrap_err();
    assert!(matches!(ports, StartError::Config(_)), "{ports}");
    let nowhere = Server::builder()
        .record("/nonexistent/journal")
        .start()
        .await
        .unwrap_err();
    assert!(nowhere.to_string().contains("/nonexistent/journal"), "{nowhere}");
}
