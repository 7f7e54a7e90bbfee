//! Who may know whom.

use super::repository::{Dependency, Package, Repository};

const CORE: &str = "outlast-core";
const POLICY: &str = "outlast-policy";
const TESTBED: &str = "outlast-testbed";
const BACKENDS: [&str; 5] = [
    "outlast-stream-mysql",
    "outlast-checkpoint-mysql",
    "outlast-topology-mysql",
    "outlast-scheduler-mysql",
    POLICY,
];
const SHARED: &str = "outlast-mysql";
/// Crates for programs.
const FOR_PROGRAMS: [&str; 5] = ["anyhow", "clap", "indicatif", "tracing-subscriber", "toml"];

pub(super) fn find(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    for package in &repository.packages {
        for dependency in &package.dependencies {
            if let Some(why) = refused(package, dependency) {
                found.push(format!("{} depends on {}: {why}", package.name, dependency.name));
            }
        }
    }
    found
}

/// Why a package must not have this dependency, if it must not.
fn refused(package: &Package, dependency: &Dependency) -> Option<&'static str> {
    let (from, to) = (package.name.as_str(), dependency.name.as_str());
    let for_tests = dependency.kind.as_deref() == Some("dev");
    let is_backend = BACKENDS.contains(&from);
    let is_library = is_backend || from == CORE || from == SHARED;
    if from == CORE && (to.starts_with("mysql") || (to.starts_with("outlast-") && to != CORE)) {
        return Some("the core knows neither a MySQL driver nor a backend");
    }
    if to == "wasmtime" && from != POLICY {
        return Some("only outlast-policy knows wasmtime");
    }
    if for_tests {
        return None;
    }
    if is_backend && BACKENDS.contains(&to) {
        return Some("backends never see each other");
    }
    if from == SHARED && BACKENDS.contains(&to) {
        return Some("what backends share knows no backend");
    }
    if is_library && FOR_PROGRAMS.contains(&to) {
        return Some("that is for programs, not for libraries");
    }
    if (is_library || from == "outlast-cli") && to == TESTBED {
        return Some("the testbed is for tests");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(from: &str, to: &str, kind: Option<&str>) -> bool {
        let dependency = Dependency {
            name: to.to_owned(),
            kind: kind.map(str::to_owned),
        };
        let package = Package {
            name: from.to_owned(),
            dependencies: Vec::new(),
            targets: Vec::new(),
            manifest_path: String::new(),
        };
        refused(&package, &dependency).is_some()
    }

    #[test]
    fn the_core_knows_nobody() {
        for to in [
            "mysql_async",
            "mysql_common",
            "wasmtime",
            "clap",
            "outlast-mysql",
            "outlast-testbed",
        ] {
            assert!(is_refused(CORE, to, None), "{to}");
        }
        assert!(is_refused(CORE, "mysql_async", Some("dev")));
        assert!(!is_refused(CORE, CORE, Some("dev")));
        assert!(!is_refused(CORE, "tokio", None));
    }

    #[test]
    fn backends_do_not_know_each_other_except_in_tests() {
        assert!(is_refused("outlast-stream-mysql", "outlast-checkpoint-mysql", None));
        assert!(is_refused("outlast-policy", "outlast-scheduler-mysql", Some("build")));
        assert!(!is_refused(
            "outlast-stream-mysql",
            "outlast-checkpoint-mysql",
            Some("dev")
        ));
        assert!(!is_refused("outlast-stream-mysql", "outlast-mysql", None));
    }

    #[test]
    fn only_one_crate_knows_wasmtime() {
        assert!(!is_refused("outlast-policy", "wasmtime", None));
        assert!(is_refused("outlast-cli", "wasmtime", None));
        assert!(is_refused("outlast-tests", "wasmtime", Some("dev")));
    }

    #[test]
    fn libraries_leave_the_crates_of_programs_alone() {
        assert!(is_refused("outlast-mysql", "anyhow", None));
        assert!(!is_refused("outlast-cli", "anyhow", None));
        assert!(is_refused("outlast-cli", TESTBED, None));
        assert!(!is_refused("outlast-topology-mysql", TESTBED, Some("dev")));
    }
}
