//! The reference page of the clients' configuration, written from the table.

use std::fmt::Write;

use super::{KEYS, Key, Owners, Support};

const HEAD: &str = "\
<!-- Written from rust/client-core/src/config/table.rs; do not edit. To write it anew:
     OTTLA_WRITE_REFERENCE=1 cargo test -p client-core the_reference_page -->
# Configuration of the clients

Keys, defaults and units are those of Apache Kafka 4.3: in Python as a dictionary
(`config={\"linger.ms\": 5}`) or as keywords (`linger_ms=5`). Keys that begin with `ottla.` are
ours.

- A key is **acted on** unless something else is said.
- *Tunes*: accepted with a warning; it changes nothing, for the reason that is given.
- *Refused*: any value but the default is an error that names the key, since it would change what
  the client means, and that is not built.
- An unknown key is an error, which names the nearest key if one is near.
";

/// The page.
pub fn reference_page() -> String {
    let mut page = HEAD.to_owned();
    for (title, owner) in [
        ("Producer", Owners::PRODUCER),
        ("Consumer", Owners::CONSUMER),
        ("Admin client", Owners::ADMIN),
    ] {
        let head = "| key | default | what it does |\n| --- | --- | --- |";
        write!(page, "\n## {title}\n\n{head}\n").expect("a string takes all that is written");
        let mut keys: Vec<_> = KEYS.iter().filter(|key| key.owners.contains(owner)).collect();
        keys.sort_by_key(|key| (key.support != Support::Acted, key.name));
        for key in keys {
            let (name, default) = (key.name, default(key));
            let support = support(key.support);
            writeln!(page, "| `{name}` | {default} | {support} |")
                .expect("a string takes all that is written");
        }
    }
    page
}

/// As Kafka prints it: a word in brackets is no value.
fn default(key: &Key) -> String {
    match key.default {
        word @ ("(required)" | "(empty)" | "null") => word.to_owned(),
        value => format!("`{value}`"),
    }
}

fn support(support: Support) -> String {
    match support {
        Support::Acted => "Acted on.".to_owned(),
        Support::Tunes(reason) => format!("*Tunes*: {reason}."),
        Support::Refused(reason) => format!("*Refused*: {reason}."),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_reference_page_says_what_the_table_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../docs/reference/client-configuration.md");
        if std::env::var_os("OTTLA_WRITE_REFERENCE").is_some() {
            std::fs::write(&path, reference_page()).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == reference_page(),
            "docs/reference/client-configuration.md is stale; write it anew with \
             OTTLA_WRITE_REFERENCE=1 cargo test -p client-core the_reference_page"
        );
    }

    #[test]
    fn every_key_has_a_row_of_its_own() {
        let page = reference_page();
        let owners = [Owners::PRODUCER, Owners::CONSUMER, Owners::ADMIN];
        let knows = |key: &Key| owners.iter().filter(|owner| key.owners.contains(**owner)).count();
        for key in KEYS {
            let of_name = KEYS.iter().filter(|other| other.name == key.name);
            let row = format!("\n| `{}` |", key.name);
            let owners: usize = of_name.map(knows).sum();
            assert_eq!(page.matches(&row).count(), owners, "{}", key.name);
        }
    }
}
