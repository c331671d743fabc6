//! The reference page of configuration, written from the tables.

use std::fmt::Write;

use super::broker_keys::broker_keys;
use super::group_keys::{GROUP_KEYS, broker_side};
use super::key::{ConfigKey, Preset, Standing, Update};
use super::topic_keys::{TOPIC_KEYS, broker_synonyms};

const HEAD: &str = "\
<!-- Written from the tables in rust/broker/src/config; do not edit. To write it anew:
     OTTLA_WRITE_REFERENCE=1 cargo test -p broker the_reference_page -->
# Configuration

Keys, defaults and units are those of Apache Kafka 4.3: in a properties file for
`ottla broker --config`, through any Kafka admin client, and as keywords in Python (`retention_ms`
for `retention.ms`). Keys that begin with `ottla.` are ours.

- A key is **acted on** unless something else is said.
- *Tunes*: accepted with a warning; it changes nothing, since it tunes a part that works
  differently here or is not built.
- *Refused*: any value but the default is an error that names the key, since it would change what
  the broker means, and that is not built.
- An unknown broker key is ignored with a warning, as Kafka does; an unknown topic or group key is
  an error.
  Both name the nearest key.

Where Ottla differs from Kafka:

- `queued.max.request.bytes` is 64 MiB unless set, where Kafka has no limit.
- `process.roles`, `node.id` and `controller.listener.names` may be left out.
- `max.connections` and `max.connections.per.ip` are read at the start only.
- Socket buffers are the system's unless set to another value than Kafka's default.
- A running broker refuses a key that it does not know.
- A topic value that a broker key in another unit sets names that key as its source.
";

/// The page.
pub fn reference_page() -> String {
    let mut page = HEAD.to_owned();
    write_section(&mut page, "Topic keys", TOPIC_KEYS.iter(), |key| {
        let names: Vec<_> =
            broker_synonyms(key.name).iter().map(|synonym| format!("`{}`", synonym.name)).collect();
        if names.is_empty() { String::new() } else { format!(" Broker: {}.", names.join(", ")) }
    });
    write_section(&mut page, "Group keys", GROUP_KEYS.iter(), |key| {
        let side = broker_side(key.name);
        let bounds: Vec<_> = [side.min, side.max].into_iter().flatten().collect();
        let default = side.default.map(|name| format!(" Broker: `{name}`"));
        let within = match bounds.as_slice() {
            [] => String::new(),
            [max] => format!(", no more than `{max}`"),
            bounds => format!(", within `{}`", bounds.join("` and `")),
        };
        default.map_or(String::new(), |default| format!("{default}{within}."))
    });
    let mut keys: Vec<_> = broker_keys().collect();
    keys.sort_by_key(|key| (key.standing != Standing::Acted, key.name));
    write_section(&mut page, "Broker keys", keys.into_iter(), |key| match key.update {
        Update::ReadOnly => String::new(),
        Update::PerBroker => " Can be changed while the broker runs.".to_owned(),
        Update::ClusterWide => " Can be changed while brokers run.".to_owned(),
    });
    page
}

fn write_section<'a>(
    page: &mut String,
    title: &str,
    keys: impl Iterator<Item = &'a ConfigKey>,
    note: impl Fn(&ConfigKey) -> String,
) {
    let head = "| key | type | default | values | meaning |\n| --- | --- | --- | --- | --- |";
    write!(page, "\n## {title}\n\n{head}\n").expect("a string takes all that is written");
    for key in keys {
        let standing = match key.standing {
            Standing::Acted => "",
            Standing::Tunes => "*Tunes.* ",
            Standing::Refused => "*Refused.* ",
        };
        let preset = match key.preset {
            Preset::Value("") => "(empty)".to_owned(),
            Preset::Value(text) => format!("`{text}`"),
            Preset::Null => "null".to_owned(),
            Preset::Required => "(none)".to_owned(),
        };
        writeln!(
            page,
            "| `{}` | {} | {preset} | {} | {standing}{}{} |",
            key.name,
            key.config_type.name(),
            key.validator,
            key.documentation,
            note(key)
        )
        .expect("a string takes all that is written");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_reference_page_says_what_the_tables_say() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/configuration.md");
        if std::env::var_os("OTTLA_WRITE_REFERENCE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, reference_page()).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == reference_page(),
            "docs/reference/configuration.md is stale; write it anew with \
             OTTLA_WRITE_REFERENCE=1 cargo test -p broker the_reference_page"
        );
    }

    #[test]
    fn every_key_has_a_row() {
        let page = reference_page();
        for key in broker_keys().chain(TOPIC_KEYS).chain(GROUP_KEYS) {
            assert!(page.contains(&format!("| `{}` |", key.name)), "{}", key.name);
        }
    }
}
