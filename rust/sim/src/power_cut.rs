//! What a power cut leaves on the disk, drawn by chance.

use base::Rng;
use storage::FaultyDisk;
use storage::disk::{Survivors, Torn};

/// Some subset of what was not synced is lost, and the last write may be torn.
pub(crate) fn survivors(disk: &FaultyDisk, rng: &mut dyn Rng) -> Survivors {
    let unsynced = disk.unsynced();
    let mut survivors = match rng.below(4) {
        0 => Survivors::all(),
        1 => Survivors::synced(disk),
        _ => {
            let one_in = 1 + rng.below(8);
            let lost = unsynced.iter().filter(|_| rng.below(one_in) == 0);
            Survivors { lost: lost.map(|unsynced| unsynced.operation).collect(), torn: None }
        }
    };
    let last_write = unsynced.iter().rev().find(|unsynced| unsynced.sectors > 0);
    if let Some(last) = last_write.filter(|_| rng.below(2) == 0) {
        survivors.lost.remove(&last.operation);
        let sectors = rng.below(last.sectors as u32) as usize;
        survivors.torn = Some(Torn { operation: last.operation, sectors });
    }
    survivors
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use base::SplitMix64;
    use storage::Disk;
    use storage::disk::Open;

    use super::*;

    #[test]
    fn every_state_can_be_drawn_and_only_unsynced_writes_are_undone() {
        let disk = FaultyDisk::new();
        let (directory, path) = (Path::new("/data"), Path::new("/data/file"));
        disk.create_dir_all(directory).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        let file = disk.open(path, Open::OrCreate).unwrap();
        disk.sync_dir(directory).unwrap();
        file.write_at(0, &[b"synced"]).unwrap();
        file.sync_data().unwrap();
        file.write_at(6, &[&[1; 1024]]).unwrap();
        let mut lengths: Vec<u64> = (0..200)
            .map(|seed| {
                let left = disk.after_crash(&survivors(&disk, &mut SplitMix64::new(seed)));
                left.open(path, Open::Existing).unwrap().len().unwrap()
            })
            .collect();
        lengths.sort_unstable();
        lengths.dedup();
        assert_eq!(lengths, [6, 512, 1024, 1030]);
    }
}
