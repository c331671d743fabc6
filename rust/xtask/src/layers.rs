//! Holds the crates' imports against `layers.toml`, so that the plan of the house stays true.

use crate::tree;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::process::Command;

#[derive(Deserialize)]
struct Plan {
    crates: BTreeMap<String, PlannedCrate>,
    known_only_by: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct PlannedCrate {
    layer: u8,
    may_import: Vec<String>,
}

/// What `cargo metadata` tells, as far as it is of interest here.
#[derive(Deserialize)]
struct Workspace {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` for an ordinary dependency, else `dev` or `build`.
    kind: Option<String>,
}

/// Every import that the plan does not allow, one complaint a line.
pub(crate) fn check() -> Vec<String> {
    complaints(&plan(), &workspace())
}

fn plan() -> Plan {
    toml::from_str(include_str!("../layers.toml")).expect("layers.toml has the shape of `Plan`")
}

fn workspace() -> Workspace {
    let metadata = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(tree::root())
        .output()
        .expect("cargo tells the workspace's metadata");
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    serde_json::from_slice(&metadata.stdout).expect("cargo's metadata has its documented shape")
}

fn complaints(plan: &Plan, workspace: &Workspace) -> Vec<String> {
    let mut complaints = plan_complaints(plan);
    for package in &workspace.packages {
        match plan.crates.get(&package.name) {
            Some(planned) => complaints.extend(import_complaints(plan, package, planned)),
            None => complaints.push(format!("layers.toml does not name crate {}", package.name)),
        }
    }
    for name in plan.crates.keys() {
        if !workspace.packages.iter().any(|package| package.name == *name) {
            complaints.push(format!("layers.toml names crate {name}, which does not exist"));
        }
    }
    complaints
}

/// The plan itself may not point upwards.
fn plan_complaints(plan: &Plan) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, planned) in &plan.crates {
        for import in &planned.may_import {
            match plan.crates.get(import) {
                None => complaints.push(format!("layers.toml lets {name} import unknown {import}")),
                Some(lower) if lower.layer > planned.layer => complaints.push(format!(
                    "layers.toml lets {name} (layer {}) import {import} of higher layer {}",
                    planned.layer, lower.layer
                )),
                Some(_) => {}
            }
        }
    }
    complaints
}

fn import_complaints(plan: &Plan, package: &Package, planned: &PlannedCrate) -> Vec<String> {
    let name = &package.name;
    let shipped =
        package.dependencies.iter().filter(|import| import.kind.as_deref() != Some("dev"));
    shipped
        .filter_map(|import| {
            let import = &import.name;
            if plan.crates.contains_key(import) && !planned.may_import.contains(import) {
                return Some(format!("crate {name} imports {import}: layers.toml forbids it"));
            }
            let knowing = plan.known_only_by.get(import)?;
            (!knowing.contains(name))
                .then(|| format!("crate {name} imports {import}, which only {knowing:?} may know"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|(name, kind)| Dependency {
                name: (*name).to_owned(),
                kind: kind.map(str::to_owned),
            })
            .collect();
        Package { name: name.to_owned(), dependencies }
    }

    /// Two crates, `low` and `high`; `high` may import `low` and alone knows `sockets`.
    fn check_imports(low: &[(&str, Option<&str>)], high: &[(&str, Option<&str>)]) -> Vec<String> {
        let plan: Plan = toml::from_str(
            "[crates]\nlow = { layer = 0, may_import = [] }\n\
             high = { layer = 1, may_import = ['low'] }\n\
             [known_only_by]\nsockets = ['high']\n",
        )
        .unwrap();
        let packages = vec![package("low", low), package("high", high)];
        complaints(&plan, &Workspace { packages })
    }

    #[test]
    fn the_layers_are_as_planned() {
        assert_eq!(check(), Vec::<String>::new());
    }

    #[test]
    fn an_import_in_the_plan_is_allowed() {
        assert!(check_imports(&[], &[("low", None), ("sockets", None)]).is_empty());
    }

    #[test]
    fn an_import_from_above_is_found() {
        assert_eq!(
            check_imports(&[("high", None)], &[]),
            ["crate low imports high: layers.toml forbids it"]
        );
        assert_eq!(check_imports(&[("high", Some("build"))], &[]).len(), 1);
    }

    #[test]
    fn a_test_may_look_anywhere() {
        assert!(check_imports(&[("high", Some("dev")), ("sockets", Some("dev"))], &[]).is_empty());
    }

    #[test]
    fn a_foreign_crate_is_known_only_where_planned() {
        let found = check_imports(&[("sockets", None)], &[]);
        assert_eq!(found, [r#"crate low imports sockets, which only ["high"] may know"#]);
    }

    #[test]
    fn a_crate_that_is_not_in_the_plan_is_found_and_so_is_a_missing_one() {
        let plan: Plan =
            toml::from_str("[crates]\nlow = { layer = 0, may_import = [] }\n[known_only_by]\n")
                .unwrap();
        let found = complaints(&plan, &Workspace { packages: vec![package("stray", &[])] });
        assert_eq!(
            found,
            [
                "layers.toml does not name crate stray",
                "layers.toml names crate low, which does not exist"
            ]
        );
    }

    #[test]
    fn a_plan_that_points_upwards_is_found() {
        let plan: Plan = toml::from_str(
            "[crates]\nlow = { layer = 0, may_import = ['high'] }\n\
             high = { layer = 1, may_import = [] }\n[known_only_by]\n",
        )
        .unwrap();
        assert_eq!(plan_complaints(&plan).len(), 1);
    }
}
