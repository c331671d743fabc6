//! Connecting over a network whose addresses refuse, stay silent or answer as the test says, in
//! virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::*;
use crate::testing::{MemoryListener, MemoryStream, pipe};

#[derive(Clone, Copy, Debug)]
enum Behaviour {
    Refuses,
    IsSilent,
    AnswersAfter(Duration),
}

#[derive(Clone, Default)]
struct FakeNetwork {
    names: BTreeMap<&'static str, Vec<SocketAddr>>,
    addresses: BTreeMap<SocketAddr, Behaviour>,
    tried: Arc<Mutex<Vec<SocketAddr>>>,
}

impl FakeNetwork {
    fn with(mut self, name: &'static str, addresses: &[(&str, Behaviour)]) -> Self {
        let addresses: Vec<(SocketAddr, Behaviour)> =
            addresses.iter().map(|(address, b)| (address.parse().unwrap(), *b)).collect();
        self.names.insert(name, addresses.iter().map(|(address, _)| *address).collect());
        self.addresses.extend(addresses);
        self
    }

    fn tried(&self) -> Vec<String> {
        self.tried.lock().iter().map(ToString::to_string).collect()
    }
}

impl Transport for FakeNetwork {
    type Listener = MemoryListener;
    type Stream = MemoryStream;
    type BindError = io::Error;

    async fn bind(&self, _: &Endpoint) -> io::Result<MemoryListener> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn resolve(&self, endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
        match self.names.get(endpoint.host.as_str()) {
            Some(addresses) => Ok(addresses.clone()),
            None if endpoint.host == "slow" => std::future::pending().await,
            None => Err(io::Error::other("no such host")),
        }
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<MemoryStream> {
        self.tried.lock().push(address);
        match self.addresses[&address] {
            Behaviour::Refuses => Err(io::ErrorKind::ConnectionRefused.into()),
            Behaviour::IsSilent => std::future::pending().await,
            Behaviour::AnswersAfter(delay) => {
                tokio::time::sleep(delay).await;
                Ok(pipe(1).0)
            }
        }
    }
}

use Behaviour::{AnswersAfter, IsSilent, Refuses};

fn endpoints(texts: &[&str]) -> Vec<Endpoint> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

async fn failure(network: &FakeNetwork, texts: &[&str]) -> ConnectError {
    match connect(network, &endpoints(texts), ConnectTimeouts::default()).await {
        Ok(_) => panic!("it must not connect"),
        Err(error) => error,
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_address_that_answers_is_taken_and_no_other_is_tried() {
    let network = FakeNetwork::default()
        .with("a", &[("10.0.0.1:1", Refuses), ("10.0.0.2:1", AnswersAfter(Duration::ZERO))])
        .with("b", &[("10.0.0.3:1", AnswersAfter(Duration::ZERO))]);
    let endpoints = endpoints(&["a:1", "b:1"]);
    assert!(connect(&network, &endpoints, ConnectTimeouts::default()).await.is_ok());
    assert_eq!(network.tried(), ["10.0.0.1:1", "10.0.0.2:1"]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_address_costs_its_head_start_and_not_its_time_out() {
    let network = FakeNetwork::default().with(
        "a",
        &[("[::1]:1", IsSilent), ("10.0.0.1:1", AnswersAfter(Duration::from_millis(10)))],
    );
    let started = Instant::now();
    assert!(connect(&network, &endpoints(&["a:1"]), ConnectTimeouts::default()).await.is_ok());
    let taken = started.elapsed();
    assert!((250..300).contains(&taken.as_millis()), "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_address_still_wins_when_the_ones_after_it_fail() {
    let network = FakeNetwork::default().with(
        "a",
        &[("10.0.0.1:1", AnswersAfter(Duration::from_secs(2))), ("10.0.0.2:1", Refuses)],
    );
    assert!(connect(&network, &endpoints(&["a:1"]), ConnectTimeouts::default()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_failure_names_every_address_and_why_within_the_time() {
    let network = FakeNetwork::default()
        .with("two", &[("[::1]:9092", Refuses), ("127.0.0.1:9092", Refuses)])
        .with("silent", &[("10.0.0.1:9092", IsSilent)])
        .with("none", &[]);
    let started = Instant::now();
    let texts = ["two:9092", "unknown:9092", "silent:9092", "none:1", "slow:1"];
    let message = failure(&network, &texts).await.to_string();
    assert!(started.elapsed() <= Duration::from_secs(5), "{:?}", started.elapsed());
    for part in [
        "two:9092 ([::1]:9092): connection refused",
        "two:9092 (127.0.0.1:9092): connection refused",
        "unknown:9092: the name could not be resolved: no such host",
        "silent:9092 (10.0.0.1:9092): no answer within 2",
        "none:1: the name has no address",
        "slow:1: no answer within 2500 ms",
    ] {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn addresses_whose_turn_did_not_come_are_named_too() {
    let addresses: Vec<String> = (0..40).map(|index| format!("10.0.0.{index}:1")).collect();
    let silent: Vec<_> = addresses.iter().map(|address| (address.as_str(), IsSilent)).collect();
    let network = FakeNetwork::default().with("many", &silent);
    let error = failure(&network, &["many:1"]).await;
    assert_eq!(error.attempts.len(), 40);
    assert!(error.to_string().contains("10.0.0.39:1): not tried"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_address_is_named_once_when_it_was_given_as_one() {
    let network = FakeNetwork::default().with("10.0.0.1", &[("10.0.0.1:1", Refuses)]);
    let error = failure(&network, &["10.0.0.1:1"]).await;
    assert_eq!(
        error.to_string(),
        "no address could be connected to: 10.0.0.1:1: connection refused: nothing listens there"
    );
    assert!(failure(&network, &[]).await.to_string().ends_with("none was given"));
}
