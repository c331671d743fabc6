//! The power is cut at every operation of a history, in many ways; what was acknowledged is there
//! afterwards, and nothing torn.

use std::collections::BTreeSet;

use base::{Rng, SplitMix64};
use storage::FaultyDisk;
use storage::disk::{Fault, Open, Survivors, Torn};

use super::*;
use crate::METADATA_DIRECTORY;

/// Proposals in a history: enough for a vote, a restart in between, and entries of several sectors.
const PROPOSALS: u32 = 6;

/// Runs the history until it is over or the power is cut; says which proposals were acknowledged,
/// and which begun.
async fn run(faulty: &Arc<FaultyDisk>) -> (u32, u32) {
    let disk: Arc<dyn Disk> = Arc::<FaultyDisk>::clone(faulty);
    let (mut acknowledged, mut begun) = (0, 0);
    for half in [1..=PROPOSALS / 2, PROPOSALS / 2 + 1..=PROPOSALS] {
        let Ok(node) = start_on(&disk, WriterPlace::Inline).await else { break };
        for number in half {
            begun = number;
            let large = setting(&number.to_string().repeat(700));
            if commit(&node, vec![topic(number), large]).await.is_err() {
                break;
            }
            acknowledged = number;
        }
        if node.shutdown().await.is_err() {
            break;
        }
    }
    (acknowledged, begun)
}

/// Starts on what a crash has left, and checks that it holds the acknowledged topics and no others
/// but the one in doubt.
async fn check(faulty: FaultyDisk, acknowledged: u32, begun: u32, case: &str) {
    let disk: Arc<dyn Disk> = Arc::new(faulty);
    let node = start_on(&disk, WriterPlace::Inline).await.unwrap_or_else(|e| panic!("{case}: {e}"));
    let found = node.image().topic_count() as u32;
    assert!((acknowledged..=begun).contains(&found), "{case}: {found} topics");
    for number in 1..=found {
        assert!(node.image().topic_by_name(&format!("topic-{number}")).is_some(), "{case}");
    }
    commit(&node, vec![topic(1_000)]).await.unwrap_or_else(|e| panic!("{case}: {e}"));
    node.shutdown().await.unwrap();
    let again =
        start_on(&disk, WriterPlace::Inline).await.unwrap_or_else(|e| panic!("{case}: {e}"));
    assert_eq!(again.image().topic_count() as u32, found + 1, "{case}: after a second start");
    again.shutdown().await.unwrap();
}

/// The ways in which a crash can leave the disk: everything unsynced lost, nothing lost, each last
/// write torn, and by chance.
fn survivors(faulty: &FaultyDisk, rng: &mut SplitMix64) -> Vec<Survivors> {
    let unsynced = faulty.unsynced();
    let mut ways = vec![Survivors::all(), Survivors::synced(faulty)];
    if let Some(last) = unsynced.iter().rev().find(|change| change.sectors > 0) {
        for sectors in 0..last.sectors {
            let torn = Some(Torn { operation: last.operation, sectors });
            ways.push(Survivors { lost: BTreeSet::new(), torn });
        }
    }
    for _ in 0..4 {
        let operations = unsynced.iter().map(|change| change.operation);
        let lost = operations.filter(|_| rng.below(2) == 0).collect();
        ways.push(Survivors { lost, torn: None });
    }
    ways
}

#[tokio::test]
async fn whatever_a_power_cut_leaves_holds_what_was_acknowledged() {
    let whole = Arc::new(FaultyDisk::new());
    assert_eq!(run(&whole).await, (PROPOSALS, PROPOSALS));
    let operations = whole.operations();
    let mut rng = SplitMix64::new(1);
    let mut cases = 0;
    for cut in 0..operations {
        let faulty = Arc::new(FaultyDisk::new());
        faulty.fail_at(cut, Fault::Crash);
        let (acknowledged, begun) = run(&faulty).await;
        assert!(faulty.is_crashed());
        for (way, survivors) in survivors(&faulty, &mut rng).iter().enumerate() {
            let case = format!("cut at operation {cut} of {operations}, way {way}");
            check(faulty.after_crash(survivors), acknowledged, begun, &case).await;
            cases += 1;
        }
    }
    assert!(cases > 200, "{cases} cases");
}

#[tokio::test]
async fn a_damaged_entry_before_the_last_file_is_refused_with_its_place() {
    let faulty = Arc::new(FaultyDisk::new());
    let disk: Arc<dyn Disk> = Arc::<FaultyDisk>::clone(&faulty);
    let node = start_on(&disk, WriterPlace::Inline).await.unwrap();
    for _ in 0..3 {
        let large = (0..24).map(|number| setting(&format!("{number:>30000}")));
        commit(&node, large.collect()).await.unwrap();
    }
    node.shutdown().await.unwrap();
    let directory = Path::new("/data").join(METADATA_DIRECTORY);
    let named = disk.list(&directory).unwrap();
    let names: Vec<&str> = named.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["00000000000000000000.log", "00000000000000000004.log", "quorum-state"]);
    faulty.flip_bit(&directory.join("00000000000000000000.log"), 8 * 5_000).unwrap();
    let error = start_on(&disk, WriterPlace::Inline).await.unwrap_err().to_string();
    assert!(error.contains("00000000000000000000.log is damaged at byte"), "{error}");
}

fn disk_of(faulty: &FaultyDisk) -> &dyn Disk {
    faulty
}

/// Four topics are committed; then the process is killed, or the node shut down.
async fn four_topics(killed: bool) -> FaultyDisk {
    let faulty = Arc::new(FaultyDisk::new());
    let disk: Arc<dyn Disk> = Arc::<FaultyDisk>::clone(&faulty);
    let node = start_on(&disk, WriterPlace::Inline).await.unwrap();
    for number in 1..=4 {
        commit(&node, vec![topic(number)]).await.unwrap();
    }
    let left = faulty.after_crash(&Survivors::all());
    node.shutdown().await.unwrap();
    if killed { left } else { faulty.after_crash(&Survivors::all()) }
}

#[tokio::test]
async fn a_damaged_entry_is_refused_if_anything_has_seen_it_whole() {
    let file = Path::new("/data").join(METADATA_DIRECTORY).join("00000000000000000000.log");
    for killed in [true, false] {
        let left = four_topics(killed).await;
        let bytes = disk_of(&left).open(&file, Open::Existing).unwrap().len().unwrap();
        let mut refused = 0;
        for byte in (0..bytes).step_by(7) {
            left.flip_bit(&file, 8 * byte).unwrap();
            let damaged: Arc<dyn Disk> = Arc::new(left.after_crash(&Survivors::all()));
            left.flip_bit(&file, 8 * byte).unwrap();
            match start_on(&damaged, WriterPlace::Inline).await {
                // Nobody can tell whether the last entry was ever whole.
                Ok(node) if killed => assert_eq!(node.image().topic_count(), 3, "byte {byte}"),
                Ok(_) => panic!("the damage at byte {byte} was taken for a torn end"),
                Err(error) => {
                    assert!(error.to_string().contains("is damaged at byte"), "{error}");
                    refused += 1;
                }
            }
        }
        assert!(refused * 7 * 4 > bytes * 3, "{refused} of {bytes} bytes");
    }
}

#[tokio::test]
async fn a_damaged_state_is_refused_and_not_taken_for_a_new_node() {
    let faulty = Arc::new(FaultyDisk::new());
    let disk: Arc<dyn Disk> = Arc::<FaultyDisk>::clone(&faulty);
    start_on(&disk, WriterPlace::Inline).await.unwrap().shutdown().await.unwrap();
    let state = Path::new("/data").join(METADATA_DIRECTORY).join("quorum-state");
    faulty.flip_bit(&state, 0).unwrap();
    let error = start_on(&disk, WriterPlace::Inline).await.unwrap_err().to_string();
    assert!(error.contains("quorum-state is damaged"), "{error}");
}
