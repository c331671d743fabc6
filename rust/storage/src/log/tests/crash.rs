//! The power is cut at every operation of a history, and whatever survives is opened again.

use base::Rng as _;
use records::ProducerStamp;

use super::super::*;
use super::fixture::*;
use crate::disk::{Fault, FaultyDisk, Survivors, Torn};

/// What has been acknowledged when the power goes.
#[derive(Debug, Default)]
struct Acknowledged {
    /// What the checkpoint files say.
    checkpoints: LogCheckpoints,
    /// The value of each synced record, by its offset.
    synced: Vec<u8>,
    /// The lowest offset that a truncation in progress may cut at.
    truncating: Option<i64>,
}

/// Runs until the disk crashes, and tells at each step what must survive.
fn run(log: &Log, told: &mut Acknowledged) -> Result<(), ()> {
    let mut values: Vec<u8> = Vec::new();
    let mut generation = 0;
    let put = |values: &mut Vec<u8>, generation: u8, count: usize| {
        for _ in 0..count {
            let batch = batch_of(&[1000, 1001], &[generation; 60], &ProducerStamp::NONE);
            let epoch = LeaderEpoch(i32::from(generation));
            log.append(&batch, epoch, 0).map_err(drop)?;
            values.extend([generation; 2]);
        }
        Ok(())
    };
    for round in 0..3 {
        put(&mut values, generation, 7)?;
        let recovery_point = log.sync().map_err(drop)?;
        told.synced = values[..recovery_point.0 as usize].to_vec();
        told.checkpoints.recovery_point = recovery_point;
        log.recovery_point_persisted(recovery_point).map_err(drop)?;
        put(&mut values, generation, 2)?;
        if round == 1 {
            told.truncating = Some(12);
            let end = log.truncate_to(Offset(12), 0).map_err(drop)?.0;
            told.truncating = None;
            values.truncate(end as usize);
            told.synced.truncate(end as usize);
            told.checkpoints.recovery_point = Offset(end);
            generation += 1;
            put(&mut values, generation, 8)?;
        }
    }
    log.release();
    let start = log.delete_records(Offset(20)).map_err(drop)?;
    told.checkpoints.log_start = start;
    log.delete_segments(start, 0).map_err(drop)?;
    log.delete_segments(start, 0).map_err(drop)
}

fn check(fixture: &Fixture, disk: FaultyDisk, told: &Acknowledged) {
    let after = Fixture { disk: Arc::new(disk), checkpoints: told.checkpoints, ..fixture.clone() };
    let log = after.open();
    let offsets = log.offsets();
    let end = offsets.log_end.0;
    let least = told.truncating.unwrap_or(told.synced.len() as i64);
    assert!(end >= least.min(told.synced.len() as i64), "{end} {told:?}");
    let records = log.records_from(offsets.log_start.0);
    let found: Vec<i64> = records.iter().map(|record| record.0).collect();
    assert_eq!(found, (offsets.log_start.0..end).collect::<Vec<_>>());
    assert_eq!(offsets.log_start, told.checkpoints.log_start);
    for (offset, _, value) in records {
        if let Some(&expected) = told.synced.get(offset as usize) {
            assert_eq!(value, [expected; 60], "{offset}");
        }
        assert_eq!(log.epoch_of(Offset(offset)), Some(LeaderEpoch(i32::from(value[0]))));
    }
    // And the log goes on.
    log.append(&batch(1), LeaderEpoch(9), 0).unwrap();
    assert_eq!(log.sync().unwrap(), Offset(end + 1));
}

/// Some ways in which this crash can turn out.
fn outcomes(disk: &FaultyDisk, chance: &mut SplitMix64) -> Vec<Survivors> {
    let pending = disk.unsynced();
    let mut outcomes = vec![Survivors::all(), Survivors::synced(disk)];
    for _ in 0..6 {
        let lost = pending.iter().filter(|_| chance.below(3) == 0).map(|op| op.operation);
        outcomes.push(Survivors { lost: lost.collect(), torn: None });
    }
    if let Some(last) = pending.last().filter(|last| last.sectors > 0) {
        outcomes.extend((0..last.sectors).map(|sectors| Survivors {
            torn: Some(Torn { operation: last.operation, sectors }),
            ..Survivors::all()
        }));
    }
    outcomes
}

#[test]
fn a_log_survives_a_crash_at_every_operation() {
    let mut chance = SplitMix64::new(7);
    for crash_at in 0.. {
        let (fixture, disk) = Fixture::faulty();
        let fixture = fixture.small().with(|config| config.file_delete_delay_ms = 0);
        let log = fixture.open();
        let mut told = Acknowledged::default();
        disk.fail_at(disk.operations() + crash_at, Fault::Crash);
        let done = run(&log, &mut told).is_ok();
        disk.crash();
        for survivors in outcomes(&disk, &mut chance) {
            check(&fixture, disk.after_crash(&survivors), &told);
        }
        if done {
            assert!(crash_at > 100, "the history has only {crash_at} operations");
            break;
        }
    }
}

#[test]
fn an_error_of_the_disk_at_any_operation_loses_nothing_that_was_synced() {
    for fail_at in 0.. {
        let (fixture, disk) = Fixture::faulty();
        let fixture = fixture.small().with(|config| config.file_delete_delay_ms = 0);
        let log = fixture.open();
        let mut told = Acknowledged::default();
        disk.fail_at(disk.operations() + fail_at, Fault::Io);
        let done = run(&log, &mut told).is_ok();
        if !done && disk.list(&fixture.path).is_ok() {
            disk.crash();
        }
        check(&fixture, disk.after_crash(&Survivors::synced(&disk)), &told);
        if done && fail_at > disk.operations() {
            break;
        }
    }
}
